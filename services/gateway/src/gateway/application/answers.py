"""An order that came before under its key: it hears what it was answered."""

from __future__ import annotations

from typing import Protocol

from gateway.application.ports import Acceptance
from gateway.domain.accepted import Accepted


class Keyed(Protocol):
    """An order under its `Idempotency-Key`."""

    @property
    def key(self) -> str:
        """The key, unique for each user."""
        ...

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        ...


async def remembered(work: Acceptance, order: Keyed) -> Accepted | None:
    """The answer that stands under the order's key; None when it is the first.

    Raises:
        IdempotencyKeyReused: the key came with another request.
    """
    found = await work.answer(order.key)
    return found.to(order.fingerprint) if found else None
