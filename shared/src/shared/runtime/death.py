"""The last resort: a process that cannot do its work ends at once, and its supervisor starts a fresh one."""

from __future__ import annotations

import logging
import os
import sys

from shared.runtime.logging import get_logger

log = get_logger(__name__)


def die(event: str, **facts: object) -> None:
    """Log, flush and end the process with status 1, without clean-up: what is un-acked comes back by design."""
    log.critical(event, **facts)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
