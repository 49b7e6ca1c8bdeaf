"""The books as the use cases need them: one transaction at a time, for one user."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from execution.application.ports import Account
from execution.application.told import Told
from execution.domain.account_flow import AccountFlow
from execution.domain.attempt import Attempt
from execution.domain.fill import Fill
from execution.domain.hand_settlement import HandSettlement
from execution.domain.journal import JournalLine
from execution.domain.leg import Leg
from execution.domain.plan import Plan
from execution.domain.position import Position, PositionHolding, Run
from execution.domain.shortage import AnswerRecord, Share, Shortage


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Quote money or coins that a run, or an attempt that took its share, has put aside."""

    holder_id: UUID
    asset: str
    user_id: UUID
    account_id: UUID
    position_id: UUID
    run_id: UUID
    amount: Decimal


class UnstorableError(ValueError):
    """The database refuses these very values: trying again would not help."""


class Work(Protocol):
    """One transaction, in which only one user's rows exist."""

    async def lock(self, account_id: UUID) -> None:
        """Be the only writer of an account until the end."""
        ...

    async def first_delivery(self, consumer: str, message_id: UUID) -> bool:
        """False when this message was handled before."""
        ...

    async def fenced(self, account_id: UUID, fence: int) -> bool:
        """Whether a desk's lease is still the newest."""
        ...

    async def want_desk(self, account: Account, *, trades: bool, watch_until: datetime) -> None:
        """Ask for somebody to listen, and to trade, for an account."""
        ...

    async def rest_desk(self, account_id: UUID) -> None:
        """Note that no run trades and no attempt is open."""
        ...

    async def plan(self, plan_id: UUID) -> Plan | None:
        """A plan."""
        ...

    async def add_plan(self, plan: Plan) -> None:
        """Store a plan."""
        ...

    async def position(self, position_id: UUID) -> Position | None:
        """A position."""
        ...

    async def positions_of(self, account_id: UUID) -> Sequence[Position]:
        """All positions of an account, by id."""
        ...

    async def add_position(self, position: Position) -> None:
        """Store a new position."""
        ...

    async def save_position(self, position: Position) -> None:
        """Store a position's new state."""
        ...

    async def run(self, run_id: UUID) -> Run | None:
        """A run."""
        ...

    async def trading_runs(self, account_id: UUID) -> Sequence[Run]:
        """Runs that are not settled, oldest first."""
        ...

    async def add_run(self, run: Run) -> None:
        """Store a new run."""
        ...

    async def save_run(self, run: Run) -> None:
        """Store a run's new state."""
        ...

    async def legs_of_run(self, run_id: UUID) -> Sequence[Leg]:
        """Legs by number."""
        ...

    async def legs_of_position(self, position_id: UUID) -> Sequence[Leg]:
        """Legs of all its runs, oldest run first, by number."""
        ...

    async def legs(self, leg_ids: Collection[UUID]) -> Sequence[Leg]:
        """Some legs."""
        ...

    async def add_legs(self, legs: Sequence[Leg]) -> None:
        """Store new legs."""
        ...

    async def save_legs(self, legs: Sequence[Leg]) -> None:
        """Store legs' new states."""
        ...

    async def attempts_by_link(self, link_ids: Collection[str]) -> Sequence[Attempt]:
        """Attempts by their client order ids."""
        ...

    async def open_attempts(self, account_id: UUID) -> Sequence[Attempt]:
        """Attempts that are not terminal, oldest first."""
        ...

    async def add_attempts(self, attempts: Sequence[Attempt]) -> None:
        """Store intents."""
        ...

    async def save_attempts(self, attempts: Sequence[Attempt]) -> None:
        """Store attempts' new states."""
        ...

    async def holdings(self, position_ids: Collection[UUID]) -> Sequence[PositionHolding]:
        """What positions hold, by asset."""
        ...

    async def save_holdings(self, holdings: Sequence[PositionHolding]) -> None:
        """Store holdings, new ones too."""
        ...

    async def spoken_for(self, account_id: UUID, quote_asset: str) -> Decimal:
        """Quote money that is not free: what runs have put aside, and what is a position's own cash."""
        ...

    async def reservations_of_run(self, run_id: UUID) -> Sequence[Reservation]:
        """What a run and its attempts have put aside."""
        ...

    async def reservations_of_position(self, position_id: UUID) -> Sequence[Reservation]:
        """What all runs and attempts of a position have put aside."""
        ...

    async def reserve(self, reservations: Sequence[Reservation]) -> None:
        """Set amounts, new or changed."""
        ...

    async def release(self, holder_ids: Collection[UUID]) -> None:
        """Put nothing aside for these any more."""
        ...

    async def known_fills(self, account_id: UUID, exec_ids: Collection[str]) -> set[str]:
        """Those of the matches that are booked."""
        ...

    async def fills_of_position(self, position_id: UUID) -> Sequence[Fill]:
        """Fills, oldest first."""
        ...

    async def first_fill_at(self, account_id: UUID) -> datetime | None:
        """When the account's first fill happened."""
        ...

    async def add_fills(self, fills: Sequence[Fill]) -> None:
        """Book matches."""
        ...

    async def add_lines(self, lines: Sequence[JournalLine]) -> None:
        """Write the journal."""
        ...

    async def known_flows(self, account_id: UUID, flow_ids: Collection[str]) -> set[str]:
        """Those of the flows that are booked."""
        ...

    async def flows(
        self, account_id: UUID, *, before: tuple[datetime, str] | None, limit: int
    ) -> Sequence[AccountFlow]:
        """Flows of an account, newest first, from before a moment and id."""
        ...

    async def add_flows(self, flows: Sequence[AccountFlow]) -> None:
        """Book flows."""
        ...

    async def open_shortage(self, account_id: UUID, asset: str) -> tuple[Shortage, Mapping[UUID, Decimal]] | None:
        """The shortage of a coin that is not resolved, with its shares by position."""
        ...

    async def last_shortage(
        self, account_id: UUID, asset: str, shortage_id: UUID | None
    ) -> tuple[Shortage, Mapping[UUID, Decimal]] | None:
        """The one of that id, or the newest of a coin, whatever its state."""
        ...

    async def shortages(self, account_id: UUID) -> Sequence[tuple[Shortage, Mapping[UUID, Decimal]]]:
        """Those of an account that are not resolved, by coin."""
        ...

    async def save_shortage(self, shortage: Shortage, shares: Sequence[Share]) -> None:
        """Store a shortage, new or changed, with its shares in place of those before."""
        ...

    async def missing_coins(self, account_id: UUID) -> Mapping[UUID, Mapping[str, Decimal]]:
        """By position and coin, what is missing of it."""
        ...

    async def add_answer(self, answer: AnswerRecord) -> None:
        """Keep what the user said, for ever."""
        ...

    async def add_hand_settlement(self, settlement: HandSettlement) -> None:
        """Keep an operator's decision for ever."""
        ...

    def tell(self, *told: Told, run: Run | None = None) -> None:
        """Say what happened, when the transaction commits; a run gives the request that started it all."""
        ...


class Books(Protocol):
    """Opens transactions."""

    def work(self, user_id: UUID) -> AbstractAsyncContextManager[Work]:
        """One unit of work: commits at the end, rolls back on any error."""
        ...
