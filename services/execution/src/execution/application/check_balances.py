"""Compare what positions hold together with what the account has: a coin that is short pauses those who hold it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import structlog

from execution.application.book_ports import Books, Work
from execution.application.ports import Account, OrderVenue
from execution.application.shortage_page import write_shortage
from execution.domain.shortage import Shortage, missing, shared
from shared.trading.clock import Clock, Ids
from shared.trading.money import QUOTE_ASSET, ZERO
from shared.trading.status import AttemptState

log = structlog.get_logger(__name__)


class CheckBalances:
    """Opens, changes and ends shortages; it books nothing: only the user's word moves coins between owners."""

    def __init__(self, *, books: Books, venue: OrderVenue, clock: Clock, ids: Ids) -> None:
        self._books = books
        self._venue = venue
        self._clock = clock
        self._ids = ids

    async def execute(
        self, account: Account, assets: Collection[str], *, at_rest_for: timedelta = timedelta(0)
    ) -> bool:
        """Look at some coins of an account; while anything of it trades, nothing is concluded.

        Args:
            account: Whose coins.
            assets: Which of them.
            at_rest_for: Nothing is concluded either when one of its positions traded in this time: the venue's
                balances lag behind its matches.

        Returns:
            Whether a shortage began, changed or ended.

        Raises:
            Unavailable: the venue did not answer; the task comes again.
        """
        if not assets:
            return False
        asked_at = self._clock.now()
        balances = await self._venue.balances(account, sorted(assets))
        async with self._books.work(account.user_id) as work:
            await work.lock(account.account_id)
            if await _moving(work, account.account_id, since=asked_at - at_rest_for):
                log.info("balances_not_compared", account_id=str(account.account_id), reason="trading")
                return False
            in_doubt = await _in_doubt(work, account.account_id)
            looked_at = sorted(set(assets) - in_doubt)
            changed = [await self._compare(work, account, asset, balances.get(asset, ZERO)) for asset in looked_at]
        return any(changed)

    async def _compare(self, work: Work, account: Account, asset: str, balance: Decimal) -> bool:
        """Whether the coin's shortage began, changed or ended."""
        now = self._clock.now()
        held = await _held(work, account.account_id, asset)
        short = missing(held, balance)
        known, shares = await work.open_shortage(account.account_id, asset) or (None, {})
        if short == (known.quantity if known else ZERO):
            return False
        if known is None:
            known = self._new(account, asset, short, now)
        elif short == ZERO:
            over = known.over(now, traded_at=await _traded_at(work, account.account_id))
            await write_shortage(work, over, shares, now=now)
            log.info("shortage_over", account_id=str(account.account_id), asset=asset, how=over.how)
            return True
        else:
            known = known.of(short, now)
        await write_shortage(work, known, shared(short, shares, held), now=now)
        log.warning("coins_missing", account_id=str(account.account_id), asset=asset, quantity=str(short))
        return True

    def _new(self, account: Account, asset: str, quantity: Decimal, now: datetime) -> Shortage:
        return Shortage(
            shortage_id=self._ids.uuid(),
            user_id=account.user_id,
            account_id=account.account_id,
            asset=asset,
            quantity=quantity,
            found_at=now,
            changed_at=now,
        )


async def _held(work: Work, account_id: UUID, asset: str) -> Mapping[UUID, Decimal]:
    """What positions hold of a coin; of the quote coin it is their own cash."""
    positions = await work.positions_of(account_id)
    if asset == QUOTE_ASSET:
        return {position.position_id: position.cash for position in positions if position.cash > ZERO}
    holdings = await work.holdings([position.position_id for position in positions])
    return {row.position_id: row.quantity for row in holdings if row.asset == asset and row.quantity > ZERO}


async def _traded_at(work: Work, account_id: UUID) -> datetime:
    return max(position.traded_at for position in await work.positions_of(account_id))


async def _moving(work: Work, account_id: UUID, *, since: datetime) -> bool:
    """Whether books and balance may be of different moments; an order that waits for a person moves nothing now."""
    if await work.trading_runs(account_id):
        return True
    if any(row.state is not AttemptState.NEEDS_ATTENTION for row in await work.open_attempts(account_id)):
        return True
    return any(position.traded_at >= since for position in await work.positions_of(account_id))


async def _in_doubt(work: Work, account_id: UUID) -> set[str]:
    """Coins of which an order that waits for a person may have moved some."""
    waiting = {row.leg_id for row in await work.open_attempts(account_id)}
    return {QUOTE_ASSET, *(leg.base_asset for leg in await work.legs(waiting))} if waiting else set()
