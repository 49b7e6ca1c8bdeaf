"""What the use cases need from the outside."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from reconciler.domain.announcements import Announcement, Break, JobTold, PnlPoint
from reconciler.domain.books import Account, AccountBooks, PositionBook
from reconciler.domain.flows import Flow, Moved
from reconciler.domain.held import HeldStill
from reconciler.domain.slippage import LegResult
from reconciler.domain.tracking import AccountProgress, ActivePosition, Tracked
from reconciler.domain.venue import NoView, VenueView
from shared.trading.quote import Quote
from shared.trading.status import VenueEnvironment


class BookKeeper(Protocol):
    """Execution's answers about our books."""

    async def accounts(self, *, after: UUID | None, limit: int) -> Sequence[Account]:
        """Accounts with something to compare, by id."""
        ...

    async def books(self, account: Account) -> AccountBooks:
        """Everything our books say about an account."""
        ...

    async def missing(
        self, account: Account, exec_ids: Sequence[str], flow_ids: Sequence[str] = ()
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Those of our matches, and of the flows that were not ours, that are not in our books."""
        ...


class VenueReader(Protocol):
    """Reads an account at the venue; never writes."""

    async def read(self, books: AccountBooks, *, since_ms: int) -> VenueView | NoView:
        """What the venue says since a time, balances first, or why it cannot be known.

        Raises:
            Unavailable, Throttled: The venue or the signer is away: try again.
        """
        ...


class Market(Protocol):
    """Prices and rules."""

    async def quotes(self, environment: VenueEnvironment, symbols: Collection[str]) -> Mapping[str, Quote]:
        """Quotes by symbol; a symbol without any price is left out."""
        ...

    async def lots(self, environment: VenueEnvironment, symbols: Collection[str]) -> Mapping[str, Decimal]:
        """Smallest step of quantity by symbol, base units."""
        ...

    async def listing(self, environment: VenueEnvironment) -> Mapping[str, bool]:
        """Every listed symbol, and whether the venue takes orders for it now; empty when that is not known."""
        ...


class Work(Protocol):
    """One transaction of one user."""

    async def first_delivery(self, consumer: str, message_id: UUID) -> bool:
        """False when the message was handled before: change nothing then."""
        ...

    async def tracked(self, *, position_ids: Collection[UUID], skip_busy: bool = False) -> list[Tracked]:
        """Positions, locked until the end of the transaction; `skip_busy` leaves out what somebody else has locked."""
        ...

    async def save_book(self, book: PositionBook) -> None:
        """Keep a position's book, unless a newer one is there."""
        ...

    async def save_tracking(self, tracked: Tracked) -> None:
        """Keep what was told about a position."""
        ...

    async def keep_point(self, point: PnlPoint, *, replace: bool) -> None:
        """Keep a P&L point; one that is there stays, unless `replace`."""
        ...

    async def note_run(self, position_id: UUID, kind: str, legs: Sequence[LegResult]) -> None:
        """Keep what kind of run a position's newest one is, and what its legs came to; unknown positions are left."""
        ...

    async def add_flow(self, flow: Flow, moved: Sequence[Moved]) -> None:
        """Keep what crossed a position's border."""
        ...

    async def held_still(self, position_id: UUID) -> Sequence[HeldStill]:
        """The basket that is never rebalanced."""
        ...

    async def save_held_still(self, position_id: UUID, held: Sequence[HeldStill]) -> None:
        """Keep that basket."""
        ...

    async def progress(self, account: Account) -> AccountProgress:
        """How far the account was compared."""
        ...

    async def save_progress(self, account: Account, progress: AccountProgress) -> None:
        """Keep how far the account was compared."""
        ...

    async def breaks(self, account: Account) -> list[Break]:
        """Breaks of the account that are not resolved, and resolved ones that may come back."""
        ...

    async def save_breaks(self, entries: Iterable[Break]) -> None:
        """Keep new and changed breaks."""
        ...

    async def tell(self, announcement: Announcement) -> None:
        """Say it, when the transaction commits."""
        ...


class Desk(Protocol):
    """Opens transactions."""

    def work(self, user_id: UUID) -> AbstractAsyncContextManager[Work]:
        """One unit of work of one user: commits at the end, rolls back on any error."""
        ...


class Agenda(Protocol):
    """Work to be done, ids only: claimed without knowing whose it is."""

    async def come_back(self, account: Account, *, due: datetime) -> datetime:
        """Note that an account is due, no later than `due`; when it is."""
        ...

    async def due_jobs(self, now: datetime, *, limit: int) -> int:
        """Turn accounts that are due into jobs; the number of them."""
        ...

    async def post_jobs(self, jobs: Sequence[JobTold]) -> None:
        """Hand out jobs."""
        ...

    async def post(self, announcement: Announcement) -> None:
        """Say something that is nobody's in particular."""
        ...

    async def active(self, *, after: ActivePosition | None, limit: int) -> Sequence[ActivePosition]:
        """Positions to be re-valued, by user and id."""
        ...
