"""Which request started it all: bound once at the door, found in every log line, event and answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import structlog
from structlog.contextvars import bound_contextvars

CORRELATION = "correlation_id"
CAUSATION = "causation_id"


@contextmanager
def correlated(correlation_id: UUID, *, causation_id: UUID | None = None, **facts: str) -> Iterator[None]:
    """Bind the ids of the current request or message, and more facts for the logs, until the block ends."""
    ids = {CORRELATION: str(correlation_id)}
    if causation_id is not None:
        ids[CAUSATION] = str(causation_id)
    with bound_contextvars(**ids, **facts):
        yield


def current_correlation() -> UUID | None:
    """The id bound by `correlated`, if any."""
    return _current(CORRELATION)


def current_causation() -> UUID | None:
    """The message being handled, if any."""
    return _current(CAUSATION)


def _current(name: str) -> UUID | None:
    bound = structlog.contextvars.get_contextvars().get(name)
    return UUID(str(bound)) if bound else None
