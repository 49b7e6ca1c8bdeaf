"""`python -m basketry_local`, which is what `./basketry` runs."""

import logging
import sys

import structlog

from basketry_local.cli import app

if __name__ == "__main__":
    # Answers go to stdout, the terminal stays readable: only warnings, on stderr.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        app(prog_name="./basketry")
    except KeyboardInterrupt:  # before anything was started
        sys.exit(130)
