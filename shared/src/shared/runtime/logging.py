"""Logs are events with named facts: JSON lines on stdout, ids bound once, secrets masked by the name of their key."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK = "•••"
_SECRET_KEY = re.compile(
    r"secret|password|passwd|token|signature|seed|dsn|authorization|cookie|api_key|private_key|kek", re.IGNORECASE
)
_SECRET_TEXT = re.compile(r"(?P<scheme>\w+://[^\s:/@]+):[^\s@/]+@")
_QUIET = ("asyncio", "urllib3", "httpx", "httpcore", "websockets", "pybit", "alembic", "nats", "faststream")


def configure_logging(service: str, *, level: str = "INFO", json: bool = True) -> None:
    """Set up the logs of this process; the standard library's records take the same road.

    Args:
        service: Bound to every line.
        level: Name of the lowest level that is written.
        json: One JSON object a line; False writes for a person at a terminal.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        mask_secrets,
        _service_name(service),
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: Processor = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        library = logging.getLogger(name)
        library.setLevel(max(logging.WARNING, root.level))
        # Some (FastStream) bring a handler of their own that writes coloured text past the root.
        library.handlers.clear()
        library.propagate = True


def get_logger(name: str | None = None) -> structlog.stdlib.BoundLogger:
    """A logger: `log.info("leg_filled", leg_id=…)`."""
    return cast("structlog.stdlib.BoundLogger", structlog.get_logger(name))


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace the values of keys that name a secret, at any depth, and passwords inside addresses."""
    return {key: _masked(key, value) for key, value in event.items()}


def _masked(key: str, value: Any) -> Any:
    if _SECRET_KEY.search(key) and value is not None and not isinstance(value, bool):
        return MASK
    if isinstance(value, Mapping):
        return {str(inner): _masked(str(inner), each) for inner, each in value.items()}
    if isinstance(value, list | tuple):
        return [_masked("", each) for each in value]
    if isinstance(value, str):
        return _SECRET_TEXT.sub(rf"\g<scheme>:{MASK}@", value)
    return value


def _service_name(service: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    return add
