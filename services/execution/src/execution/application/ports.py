"""What the use cases need from the world, named by role."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from execution.domain.account_flow import LogLine
from execution.domain.attempt import Attempt
from execution.domain.leg import Leg
from execution.domain.position import Run
from execution.domain.trading_room import TradingRoom
from execution.domain.venue_facts import ExecutionFact, Fact, OrderFact, Reply
from shared.trading.depth import Depth
from shared.trading.instrument import Instrument
from shared.trading.money import ZERO
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
    """An immutable index version; weights sum to exactly 1.

    Attributes:
        cash_share: Share of a position that stays cash, a fraction; the weights are those of the rest.
    """

    index_id: str
    name: str = ""
    version: int
    weight_cap: Decimal
    constituents: Sequence[Constituent]
    cash_share: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskLease:
    """The right to trade for one account until the lease ends; `fence` grows with every holder."""

    account: Account
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshRun:
    """A buying run as it was committed a moment ago.

    Attributes:
        needed: Quote units that this run and everything before it on the account have put aside.
        quotes: Prices of its legs, asked for while it was committed; their age is looked at before anything is sent.
    """

    run: Run
    legs: Sequence[Leg]
    needed: Decimal
    quotes: Awaitable[Mapping[str, Quote]]


class DeskNeed(StrEnum):
    """What a desk learns when it renews its lease."""

    LOST = "lost"
    """Somebody else holds it."""
    NONE = "none"
    """Nobody needs it any more."""
    WATCH = "watch"
    """Its stream may be wanted soon."""
    WORK = "work"
    """A run trades or an attempt is open."""


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

    async def room(self, account: Account) -> TradingRoom:
        """What its custodian would sign now: halts, limits and what is left of them."""
        ...


class Market(Protocol):
    """Public facts."""

    async def index(self, environment: VenueEnvironment, index_id: str, *, user_id: UUID) -> IndexVersion:
        """The newest version of a built-in index, or of one of the user's own.

        Raises:
            UnknownIndex: none such.
        """
        ...

    async def indices(self, environment: VenueEnvironment) -> Sequence[IndexVersion]:
        """The newest version of every built-in index."""
        ...

    async def instruments(self, environment: VenueEnvironment, symbols: Collection[str]) -> Mapping[str, Instrument]:
        """The venue's rules by symbol; what it does not list is left out."""
        ...

    async def quotes(
        self, environment: VenueEnvironment, symbols: Collection[str], *, limits_age_s: float | None = None
    ) -> Mapping[str, Quote]:
        """Best prices by symbol.

        Args:
            environment: The venue's.
            symbols: Its names of the pairs.
            limits_age_s: The venue is asked again for price limits older than this many seconds, and for those that
                the price has left; None takes what is known, at once.
        """
        ...

    async def depth(self, environment: VenueEnvironment, symbols: Collection[str]) -> Mapping[str, Depth]:
        """Order books by symbol; one that is not told is left out.

        Raises:
            Unavailable: nobody answers.
        """
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

    async def log_since(self, account: Account, since: datetime) -> Sequence[LogLine]:
        """Lines of the account's transaction log from a moment on, but for spot trades, which are matches.

        Raises:
            Unavailable: no answer.
        """
        ...

    async def balances(self, account: Account, assets: Collection[str]) -> Mapping[str, Decimal]:
        """Units of each coin that the account has, locked ones included; a coin that is not there is left out.

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


class DeskRegister(Protocol):
    """Hands out accounts to those who trade for them; it knows ids only."""

    async def claim(self, holder: str, *, limit: int, serving: Collection[UUID] = ()) -> Sequence[DeskLease]:
        """Take accounts that need a desk and have none, but for those that this process serves already."""
        ...

    async def renew(self, lease: DeskLease, holder: str) -> DeskNeed:
        """Keep a desk, and learn whether it is still needed."""
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

    def hand_over(self, fresh: FreshRun) -> None:
        """A run was committed: whoever trades for its account in this process need not read it again."""
        ...
