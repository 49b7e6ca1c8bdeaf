"""Whoever brings a key that was answered hears that answer, whatever stands in the way by now."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol
from uuid import UUID

from gateway.application.ports import Acceptances
from gateway.domain.accepted import Accepted
from shared.trading.errors import PlatformError


class Keyed(Protocol):
    """An order under its key."""

    @property
    def user_id(self) -> UUID:
        """Whose."""
        ...

    @property
    def key(self) -> str:
        """Theirs."""
        ...

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        ...


async def or_first_answer(acceptances: Acceptances, order: Keyed, accepting: Awaitable[Accepted]) -> Accepted:
    """What accepting says, or the answer that stands under the key when it refuses.

    A twin of the same key may be accepted by another replica while this request still asks and looks: the plan that is
    used then, the position that is busy, the money that is gone are its own order's doing.

    Raises:
        IdempotencyKeyReused: the key came with another request.
        PlatformError: as accepting; nothing was answered under the key.
    """
    try:
        return await accepting
    except PlatformError:
        async with acceptances.begin(order.user_id) as work:
            found = await work.answer(order.key)
        if found is None:
            raise
        return found.to(order.fingerprint)
