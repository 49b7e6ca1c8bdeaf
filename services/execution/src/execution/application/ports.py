"""What the use cases need from the world, named by role."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from execution.application.told import Told
from execution.domain.attempt import Attempt
from execution.domain.fill import Fill
from execution.domain.journal import JournalLine
from execution.domain.leg import Leg
from execution.domain.plan import Plan
from execution.domain.position import Position, PositionHolding, Run
from execution.domain.venue_facts import ExecutionFact, Fact, OrderFact, Reply
from shared.trading.instrument import Instrument
from shared.trading.quote import Quote
from shared.trading.status import VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A venue account and its owner."""

    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStanding:
    """An account as its key's custodian knows it."""

    account: Account
    active: bool
    read_only: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Constituent:
    """A coin of an index version; `weight` is a fraction."""

    asset: str
    symbol: str
    weight: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexVersion:
    """An immutable index version; weights sum to exactly 1."""

    index_id: str
    version: int
    weight_cap: Decimal
    constituents: Sequence[Constituent]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskLease:
    """The right to trade for one account until the lease ends; `fence` grows with every holder."""

    account: Account
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the venue knows of one order; nothing at all means that three clean questions found nothing."""

    order: OrderFact | None
    executions: Sequence[ExecutionFact]


class Accounts(Protocol):
    """Knows who owns which venue account."""

    async def describe(self, *, user_id: UUID, account_id: UUID) -> AccountStanding:
        """The account.

        Raises:
            AccountNotFound: none such, or somebody else's.
        """
        ...


class Market(Protocol):
    """Public facts."""

    async def index(self, environment: VenueEnvironment, index_id: str) -> IndexVersion:
        """The newest version.

        Raises:
            UnknownIndex: none such.
        """
        ...

    async def instruments(self, environment: VenueEnvironment, symbols: Collection[str]) -> Mapping[str, Instrument]:
        """The venue's rules by symbol; what it does not list is left out."""
        ...

    async def quotes(self, environment: VenueEnvironment, symbols: Collection[str]) -> Mapping[str, Quote]:
        """Best prices by symbol."""
        ...


class OrderVenue(Protocol):
    """The venue, for one account at a time."""

    async def create(self, account: Account, attempts: Sequence[Attempt]) -> Sequence[Reply]:
        """Send orders, as one batch where the venue batches; one reply per attempt, in order; never raises."""
        ...

    def batch_size(self, environment: VenueEnvironment) -> int:
        """Orders that one send may carry."""
        ...

    async def look_up(self, account: Account, link_id: str) -> Evidence:
        """Ask live view, history and executions, in this order.

        Raises:
            Unavailable: a question got no answer, which is not "not found".
        """
        ...

    async def executions_since(self, account: Account, since: datetime) -> Sequence[ExecutionFact]:
        """All matches of the account from a moment on.

        Raises:
            Unavailable: no answer.
        """
        ...

    async def spendable(self, account: Account, asset: str) -> Decimal:
        """What a spot order may spend of an asset: wallet balance − locked.

        Raises:
            Unavailable: no answer.
        """
        ...


class AccountStream(Protocol):
    """The private stream of one account."""

    async def run(self) -> None:
        """Listen until cancelled, connecting again as needed."""
        ...

    @property
    def connected(self) -> bool:
        """Whether news arrive now."""
        ...


class AccountStreams(Protocol):
    """Makes private streams."""

    def stream(
        self, account: Account, *, hear: Callable[[Sequence[Fact]], None], gap: Callable[[str], None]
    ) -> AccountStream:
        """A stream that hands facts to `hear` and says `gap` whenever some may have been missed."""
        ...


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

    async def legs_of_account(self, account_id: UUID) -> Sequence[Leg]:
        """Legs of all its positions."""
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

    async def reserved(self, account_id: UUID, asset: str) -> Decimal:
        """All that is put aside of an asset."""
        ...

    async def reservations_of_run(self, run_id: UUID) -> Sequence[Reservation]:
        """What a run and its attempts have put aside."""
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

    def tell(self, *told: Told, run: Run | None = None) -> None:
        """Say what happened, when the transaction commits; a run gives the request that started it all."""
        ...


class Books(Protocol):
    """Opens transactions."""

    def work(self, user_id: UUID) -> AbstractAsyncContextManager[Work]:
        """One unit of work: commits at the end, rolls back on any error."""
        ...


class DeskRegister(Protocol):
    """Hands out accounts to those who trade for them; it knows ids only."""

    async def claim(self, holder: str, *, limit: int, serving: Collection[UUID] = ()) -> Sequence[DeskLease]:
        """Take accounts that need a desk and have none, but for those that this process serves already."""
        ...

    async def renew(self, lease: DeskLease, holder: str) -> bool | None:
        """Keep a desk; True while needed, None when no longer needed, False when the lease is lost."""
        ...

    async def release(self, lease: DeskLease, holder: str) -> None:
        """Give a desk back."""
        ...

    async def accounts(self, *, after: UUID | None, limit: int) -> Sequence[Account]:
        """Accounts that ever had a position, by id."""
        ...


class Bell(Protocol):
    """Wakes whoever trades for an account, in this process at once."""

    def ring(self, account_ids: Iterable[UUID]) -> None:
        """There is something to do."""
        ...
