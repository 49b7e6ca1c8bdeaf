"""What an account can spend, as last read: a yes may be as old as a plan, a no is never said on an old reading."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import structlog

from execution.application.book_ports import Work
from execution.application.ports import Account, OrderVenue
from execution.domain.position import PAYS_IN, Run
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.shortage import AT_REST_FOR, ROUNDING
from shared.trading.clock import Clock
from shared.trading.errors import Denied, NotFound, PlatformError
from shared.trading.money import QUOTE_ASSET, ZERO, exact_sum
from shared.trading.status import AttemptState

log = structlog.get_logger(__name__)

GOOD_FOR = timedelta(seconds=60)
"""As long as a plan. An old yes can only be wrong where the user, or another process, spends beside us, and there the
venue refuses, unless cash of positions lies on the account too: the venue cannot tell whose money it takes."""
MOMENT = timedelta(seconds=2)
"""An old yes is as old as this at most where it could spend the cash of positions."""
PURSES_MAX = 2000
"""Kept at once: those that were not used for longest make room."""


class Purse:
    """Quote money of one account; questions without an answer are repeated ever more slowly."""

    def __init__(self, *, venue: OrderVenue, account: Account, times: ProtocolTimes, clock: Clock) -> None:
        self._venue = venue
        self._account = account
        self._times = times
        self._clock = clock
        self._lock = asyncio.Lock()
        self._reading: tuple[Decimal, datetime] | None = None
        self._spendings = 0
        self._failures = 0
        self._error: PlatformError | None = None
        self._quiet_until: datetime | None = None

    @property
    def away(self) -> bool:
        """Whether the last question got no answer."""
        return self._error is not None

    def forget(self) -> None:
        """Money is being spent, or was: what was read before, or is on its way, says nothing any more."""
        self._reading = None
        self._spendings += 1

    def doubt(self) -> None:
        """Another process may have traded for the account until now: only what was read a moment ago is kept."""
        if self._reading is not None and self._clock.now() >= self._reading[1] + MOMENT:
            self.forget()

    async def warm(self) -> None:
        """Read ahead, so that an order that comes soon need not wait."""
        async with self._lock:
            if self._reading is not None and self._clock.now() < self._reading[1] + GOOD_FOR / 2:
                return
            try:
                await self._read()
            except PlatformError as error:
                log.info("balance_not_read", account_id=str(self._account.account_id), reason=error.code)

    async def fresh(self) -> Decimal:
        """What can be spent now, for whoever plans: an order that comes soon is content with the same reading.

        Raises:
            Unavailable, Denied, NotFound: the venue is away, or the key does not work.
        """
        return await self._ask(self._clock.now())

    async def at_least(self, needed: Decimal, *, good_for: timedelta = GOOD_FOR) -> Decimal:
        """What can be spent: an earlier reading when it suffices, else a fresh one.

        Args:
            needed: Quote units.
            good_for: How old an earlier reading may be.

        Raises:
            Unavailable: the venue is away.
            Denied, NotFound: the key does not work.
        """
        async with self._lock:
            if self._reading is not None and self._clock.now() < self._reading[1] + good_for:
                amount, _ = self._reading
                if amount >= needed:
                    return amount
            return await self._read()

    async def _read(self) -> Decimal:
        asked_at = self._clock.now()
        if self._error is not None and self._quiet_until is not None and asked_at < self._quiet_until:
            raise self._error
        try:
            return await self._ask(asked_at)
        except PlatformError as error:
            self._failures += 1
            self._error, self._quiet_until = error, asked_at + self._times.back_off(self._failures)
            raise

    async def _ask(self, asked_at: datetime) -> Decimal:
        spendings = self._spendings
        amount = await self._venue.spendable(self._account, QUOTE_ASSET)
        self._failures, self._error = 0, None
        if spendings == self._spendings:
            self._reading = (amount, asked_at)
        return amount


class Purses:
    """The purses of a process, one an account: what was read for a plan is known to the desk that trades it."""

    def __init__(self, *, venue: OrderVenue, times: ProtocolTimes, clock: Clock, most: int = PURSES_MAX) -> None:
        self._venue = venue
        self._times = times
        self._clock = clock
        self._most = most
        self._purses: OrderedDict[UUID, Purse] = OrderedDict()

    def of(self, account: Account) -> Purse:
        """The account's purse."""
        found = self._purses.get(account.account_id)
        if found is None:
            found = Purse(venue=self._venue, account=account, times=self._times, clock=self._clock)
            self._purses[account.account_id] = found
        self._purses.move_to_end(account.account_id)
        while len(self._purses) > self._most:
            self._purses.popitem(last=False)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """What a run's first orders need to know about money.

    Attributes:
        needed: Quote units that this run and everything before it have put aside.
    """

    purse: Purse
    needed: Decimal

    async def verdict(self, run: Run) -> str | None:
        """None when there is enough, `wait`, `short` when there may not be, or why there will never be.

        The reading of a plan serves its order where nothing but free money is on the account.
        """
        good_for = GOOD_FOR if self.needed <= run.approved else MOMENT
        try:
            spendable = await self.purse.at_least(self.needed, good_for=good_for)
        except (Denied, NotFound) as error:
            return error.code  # the key does not work any more: waiting would not help
        except PlatformError as error:
            log.warning("balance_unknown", reason=error.code, family=error.family)
            return "wait"
        return None if spendable >= self.needed else "short"

    async def refusal(self, work: Work, run: Run, *, asked_at: datetime) -> str:
        """Whether a run that seems short really is, or waits: its expiry ends that.

        No is said only once no order of the account is on its way, since its money may be counted twice; of what was
        put aside when the balance was read; and of a balance that had time to show what positions sold.

        Args:
            work: The transaction; it holds the account's lock.
            run: The run.
            asked_at: From when on the balance was asked for.
        """
        self.purse.forget()
        account_id = run.account_id
        moving = [row for row in await work.open_attempts(account_id) if row.state is not AttemptState.NEEDS_ATTENTION]
        younger = [other for other in await work.trading_runs(account_id) if other.accepted_at > run.accepted_at]
        changed = await needed_for(work, run, younger=younger) != self.needed
        positions = await work.positions_of(account_id)
        hidden = any(one.proceeds > ZERO and one.traded_at >= asked_at - AT_REST_FOR for one in positions)
        return "wait" if moving or changed or hidden else "insufficient_balance"


async def needed_for(work: Work, run: Run, *, younger: Sequence[Run]) -> Decimal:
    """Quote units that a run and everything accepted before it have put aside.

    A run that trades with its position's own money has sold already, and must not be kept from buying by what is not
    its own: cash of other positions that is known to be missing, and what the venue's rounding cut off, which the rule
    of shortages does not call missing either. Whoever spends free money leaves what is there to those who miss it.
    """
    total = await work.spoken_for(run.account_id, QUOTE_ASSET)
    for other in younger:
        if other.kind not in PAYS_IN:
            continue  # what it has put aside is its position's own, whoever came first
        rows = await work.reservations_of_run(other.run_id)
        total -= exact_sum([row.amount for row in rows if row.asset == QUOTE_ASSET])
    return total if run.kind in PAYS_IN else total - await _absent(work, run)


async def _absent(work: Work, run: Run) -> Decimal:
    """Quote units of positions' own cash that nobody expects on the account; of the run's own position none is."""
    missing = await work.missing_coins(run.account_id)
    cash = {one.position_id: one.cash for one in await work.positions_of(run.account_id) if one.cash > ZERO}
    gone = [
        min(missing.get(one, {}).get(QUOTE_ASSET, ZERO), own) for one, own in cash.items() if one != run.position_id
    ]
    return exact_sum(gone) + ROUNDING * len(cash)
