"""Plain reads of the books."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from execution.application.book_ports import Books
from execution.domain.account_flow import AccountFlow
from execution.domain.attempt import Attempt
from execution.domain.errors import PositionNotFound
from execution.domain.fill import Fill
from execution.domain.leg import Leg
from execution.domain.position import Position, PositionHolding
from execution.domain.shortage import Shortage
from shared.trading.clock import Clock
from shared.trading.status import VenueEnvironment

SHOWN_AFTER_ITS_END = timedelta(days=1)
"""An account's books are one message: what ended long ago and holds nothing is not in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionPage:
    """A position with its legs and fills."""

    position: Position
    legs: Sequence[Leg]
    fills: Sequence[Fill]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """Everything our books say about one account.

    Attributes:
        environment: None for an account on which nothing was ever ordered.
    """

    environment: VenueEnvironment | None
    positions: Sequence[Position]
    holdings: Sequence[PositionHolding]
    open_attempts: Sequence[Attempt]
    first_fill_at: datetime | None
    shortages: Sequence[tuple[Shortage, Mapping[UUID, Decimal]]] = ()


class ReadBooks:
    """Reads for the gateway and the reconciler."""

    def __init__(self, books: Books, clock: Clock) -> None:
        self._books = books
        self._clock = clock

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
            everything = await work.positions_of(account_id)
            holdings = await work.holdings([position.position_id for position in everything])
            open_attempts = await work.open_attempts(account_id)
            busy = {row.position_id for row in open_attempts} | {row.position_id for row in holdings if row.quantity}
            long_ago = self._clock.now() - SHOWN_AFTER_ITS_END
            positions = [one for one in everything if one.position_id in busy or not one.over_since(long_ago)]
            shown = {position.position_id for position in positions}
            return AccountPage(
                environment=everything[0].environment if everything else None,
                positions=positions,
                holdings=[row for row in holdings if row.position_id in shown],
                open_attempts=open_attempts,
                first_fill_at=await work.first_fill_at(account_id),
                shortages=await work.shortages(account_id),
            )

    async def shortages(self, *, user_id: UUID, account_id: UUID) -> Sequence[tuple[Shortage, Mapping[UUID, Decimal]]]:
        """Coins that are missing on an account, with the shares of its positions."""
        async with self._books.work(user_id) as work:
            return await work.shortages(account_id)

    async def missing_flows(self, *, user_id: UUID, account_id: UUID, flow_ids: Collection[str]) -> list[str]:
        """Those of the flows that are not booked, in the order given."""
        async with self._books.work(user_id) as work:
            known = await work.known_flows(account_id, flow_ids)
        return [flow_id for flow_id in flow_ids if flow_id not in known]

    async def flows(
        self, *, user_id: UUID, account_id: UUID, before: tuple[datetime, str] | None, limit: int
    ) -> Sequence[AccountFlow]:
        """What happened on an account beside our orders, newest first."""
        async with self._books.work(user_id) as work:
            return await work.flows(account_id, before=before, limit=limit)

    async def missing(self, *, user_id: UUID, account_id: UUID, exec_ids: Collection[str]) -> list[str]:
        """Those of the matches that are not booked, in the order given."""
        async with self._books.work(user_id) as work:
            known = await work.known_fills(account_id, exec_ids)
        return [exec_id for exec_id in exec_ids if exec_id not in known]
