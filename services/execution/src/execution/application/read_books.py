"""Plain reads of the books."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from execution.application.book_ports import Books
from execution.domain.attempt import Attempt
from execution.domain.errors import PositionNotFound
from execution.domain.fill import Fill
from execution.domain.leg import Leg
from execution.domain.position import Position, PositionHolding


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionPage:
    """A position with its legs and fills."""

    position: Position
    legs: Sequence[Leg]
    fills: Sequence[Fill]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """Everything our books say about one account."""

    positions: Sequence[Position]
    holdings: Sequence[PositionHolding]
    open_attempts: Sequence[Attempt]
    first_fill_at: datetime | None


class ReadBooks:
    """Reads for the gateway and the reconciler."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def position(self, *, user_id: UUID, position_id: UUID) -> PositionPage:
        """One position.

        Raises:
            PositionNotFound: none such, or somebody else's.
        """
        async with self._books.work(user_id) as work:
            position = await work.position(position_id)
            if position is None:
                raise PositionNotFound
            return PositionPage(
                position=position,
                legs=await work.legs_of_position(position_id),
                fills=await work.fills_of_position(position_id),
            )

    async def account(self, *, user_id: UUID, account_id: UUID) -> AccountPage:
        """One account."""
        async with self._books.work(user_id) as work:
            # One writer at a time: positions, holdings and open orders are of the same moment.
            await work.lock(account_id)
            positions = await work.positions_of(account_id)
            return AccountPage(
                positions=positions,
                holdings=await work.holdings([position.position_id for position in positions]),
                open_attempts=await work.open_attempts(account_id),
                first_fill_at=await work.first_fill_at(account_id),
            )

    async def missing(self, *, user_id: UUID, account_id: UUID, exec_ids: Collection[str]) -> list[str]:
        """Those of the matches that are not booked, in the order given."""
        async with self._books.work(user_id) as work:
            known = await work.known_fills(account_id, exec_ids)
        return [exec_id for exec_id in exec_ids if exec_id not in known]
