"""Commit the intents of a run, in one transaction, before any byte is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from decimal import Decimal

import structlog

from execution.application.book_ports import Books, Reservation, Work
from execution.application.linking import Linking
from execution.application.open_books import reservation_of
from execution.application.order_body import order_body
from execution.application.ports import DeskLease, Market
from execution.application.prices import REFUSED_LIMITS_S, quotes_of
from execution.application.purse import Funds
from execution.application.sending_prices import at_market, at_venue, rules_for
from execution.application.settle_run import settle_run
from execution.application.told import LegTold
from execution.domain.attempt import Attempt
from execution.domain.leg import Leg
from execution.domain.position import Run, RunKind
from execution.domain.price_band import still_in_band
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.retrying import deadline, last_words, tradable
from execution.domain.turn import afforded, due, most
from shared.trading.clock import Clock, Ids
from shared.trading.instrument import Instrument
from shared.trading.money import QUOTE_ASSET, ZERO, exact_product, exact_sum, floor_to_lot
from shared.trading.policy import LegPolicy
from shared.trading.quote import Quote
from shared.trading.status import LegStatus, Side

log = structlog.get_logger(__name__)


class TradeRun:
    """Turns planned legs into committed intents."""

    def __init__(
        self,
        *,
        books: Books,
        market: Market,
        linking: Linking,
        times: ProtocolTimes,
        clock: Clock,
        ids: Ids,
        minimum_factor: Decimal = Decimal("1.3"),
        band: Decimal = Decimal("0.01"),
    ) -> None:
        self._books = books
        self._market = market
        self._linking = linking
        self._times = times
        self._clock = clock
        self._ids = ids
        self._minimum_factor = minimum_factor
        self._band = band

    def over(self, run: Run) -> bool:
        """Whether nothing new may be sent for the run any more."""
        return self._clock.now() > run.expires_at

    async def intents(
        self,
        lease: DeskLease,
        run: Run,
        planned: Sequence[Leg],
        funds: Funds | None = None,
        quotes: Awaitable[Mapping[str, Quote]] | None = None,
    ) -> Sequence[Attempt]:
        """Commit an intent for every planned leg whose price is fresh and inside its band.

        Legs without a fresh price wait for one as long as the protocol allows; legs out of the band end. A run whose
        money is not known yet waits until it expires.

        Args:
            lease: The desk; one that has lost its lease commits nothing.
            run: The run.
            planned: Its planned legs, as just read: what is asked for prices.
            funds: Given before the first intents of a buy: whether the account holds the money.
            quotes: Prices that were asked for already.

        Returns:
            What was committed and must be sent now; empty when there is nothing to do yet.

        Raises:
            Unavailable: the database did not commit; nothing may be sent.
        """
        planned = [leg for leg in planned if self._ready(run, leg)]
        if not planned:
            return []
        asked_at = self._clock.now()
        asked = quotes or quotes_of(self._market, run.environment, planned, limits_age_s=_limits_age_s(planned))
        priced, money = await asyncio.gather(asked, self._money(run, funds))
        rules = await rules_for(self._market, run, planned, priced)
        if money == "wait" or (money is None and self._all_wait(run, planned, priced)):
            return []
        async with self._books.work(run.user_id) as work:
            await work.lock(run.account_id)
            if not await work.fenced(run.account_id, lease.fence):
                log.warning("desk_lost_before_intents", run_id=str(run.run_id))
                return []
            if money == "short" and funds is not None:
                money = await funds.refusal(work, run, asked_at=asked_at)
            attempts = [] if money == "wait" else await self._commit(work, run, priced, rules, money)
        if attempts and funds is not None:
            funds.purse.forget()
        return attempts

    async def _money(self, run: Run, funds: Funds | None) -> str | None:
        if funds is None:
            return None
        if self.over(run):
            return "venue_unavailable" if funds.purse.away else None
        return await funds.verdict(run)

    async def _commit(
        self,
        work: Work,
        run: Run,
        quotes: Mapping[str, Quote],
        rules: Mapping[str, Instrument],
        refusal: str | None,
    ) -> Sequence[Attempt]:
        now = self._clock.now()
        legs = due(await work.legs_of_run(run.run_id))
        money = {row.asset: row for row in await work.reservations_of_run(run.run_id) if row.holder_id == run.run_id}
        if run.kind is RunKind.REBALANCE and QUOTE_ASSET not in money and any(leg.side is Side.BUY for leg in legs):
            legs = await self._with_own_money(work, run, legs, money)
        changed: list[Leg] = []
        attempts: list[Attempt] = []
        for leg in legs:
            verdict = refusal or self._verdict(run, leg, quotes.get(leg.symbol))
            if verdict == "wait":
                continue
            quote, rule = quotes.get(leg.symbol), rules.get(leg.symbol)
            leg = at_market(run, leg, quote, rule, band=self._band)  # noqa: PLW2901
            attempt = self._attempt(run, at_venue(leg, quote, rule))
            if verdict is None and not _take(money, attempt, leg):
                verdict = "reservation_exhausted"
            if verdict is not None:
                changed.append(leg.ended(LegStatus.CANCELLED, reason=verdict))
                continue
            attempts.append(attempt)
            changed.append(leg.follows(attempt))
        await self._save(work, run, attempts=attempts, legs=changed, money=money)
        if changed and not attempts:
            await settle_run(work, run, now=now, times=self._times)
        return attempts

    async def _with_own_money(
        self, work: Work, run: Run, buys: Sequence[Leg], money: dict[str, Reservation]
    ) -> list[Leg]:
        """The sells are over: buys are sized again from what is booked and the position's own, and that is put aside.

        What the account holds beside it is somebody else's: a buy that it does not reach for is smaller, or ends.
        """
        position = await work.position(run.position_id)
        if position is None:
            raise LookupError(f"run {run.run_id} has no position")
        rows = await work.reservations_of_position(run.position_id)
        own = position.cash - exact_sum([row.amount for row in rows if row.asset == QUOTE_ASSET])
        sized = afforded(buys, own - run.cash_part, factor=self._minimum_factor)
        kept = [leg for leg in sized if leg.status is LegStatus.PLANNED]
        money[QUOTE_ASSET] = Reservation(
            holder_id=run.run_id,
            asset=QUOTE_ASSET,
            user_id=run.user_id,
            account_id=run.account_id,
            position_id=run.position_id,
            run_id=run.run_id,
            amount=most(kept),
        )
        await work.reserve([money[QUOTE_ASSET]])
        changed = [leg for leg, before in zip(sized, buys, strict=True) if leg != before]
        await work.save_legs(changed)
        work.tell(*(LegTold(leg=leg) for leg in changed), run=run)
        log.info("buys_sized_again", run_id=str(run.run_id), own=str(own), buys=len(kept), ended=len(buys) - len(kept))
        if not kept:
            await settle_run(work, run, now=self._clock.now(), times=self._times)
        return kept

    def _verdict(self, run: Run, leg: Leg, quote: Quote | None) -> str | None:
        """None to send, `wait`, or the reason to end the leg."""
        now = self._clock.now()
        patient = run.policy is LegPolicy.COMPLETE
        if self.over(run):
            return "plan_expired"
        late = patient and now >= deadline(run, leg.side, self._times)
        if late or (leg.retry_at is not None and not tradable(leg)):  # a late match left less than the venue takes
            return last_words(leg)
        if leg.retry_at is not None and now < leg.retry_at:
            return "wait"
        if quote is None or not quote.fresh(now):
            return "wait" if patient or now < run.accepted_at + self._times.price_patience else "no_fresh_price"
        if run.kind is RunKind.UNWIND or still_in_band(quote, side=leg.side, limit=leg.limit_price):
            return None
        return "wait" if patient else "price_band"

    def _ready(self, run: Run, leg: Leg) -> bool:
        """Whether there may be something to do about a leg: one that waits for its next attempt is left alone."""
        now = self._clock.now()
        return leg.retry_at is None or now >= min(leg.retry_at, deadline(run, leg.side, self._times))

    def _all_wait(self, run: Run, legs: Sequence[Leg], quotes: Mapping[str, Quote]) -> bool:
        """Whether there is nothing to commit yet; only a patient run is asked about so often that it matters."""
        if run.policy is not LegPolicy.COMPLETE:
            return False
        return all(self._verdict(run, leg, quotes.get(leg.symbol)) == "wait" for leg in legs)

    def _attempt(self, run: Run, leg: Leg) -> Attempt:
        now = self._clock.now()
        number = leg.attempt + 1 if leg.client_order_id else 0
        quantity = floor_to_lot(leg.remainder, lot_size=leg.lot_size)
        link_id = self._linking.link(run.environment, leg, number)
        return Attempt(
            attempt_id=self._ids.uuid(),
            user_id=run.user_id,
            account_id=run.account_id,
            environment=run.environment,
            position_id=run.position_id,
            run_id=run.run_id,
            leg_id=leg.leg_id,
            number=number,
            link_id=link_id,
            symbol=leg.symbol,
            side=leg.side,
            quantity=quantity,
            limit_price=leg.limit_price,
            body=order_body(link_id, leg, quantity),
            intent_at=now,
            send_before=min(now + self._times.sign_bound, run.expires_at),
            sent_by=min(now + self._times.sign_bound, run.expires_at),
            updated_at=now,
        )

    @staticmethod
    async def _save(
        work: Work,
        run: Run,
        *,
        attempts: Sequence[Attempt],
        legs: Sequence[Leg],
        money: Mapping[str, Reservation],
    ) -> None:
        if not legs:
            return
        by_id = {leg.leg_id: leg for leg in legs}
        await work.save_legs(legs)
        if attempts:
            await work.add_attempts(attempts)
            shares = [reservation_of(attempt, by_id[attempt.leg_id]) for attempt in attempts]
            await work.reserve([*money.values(), *shares])
        work.tell(*(LegTold(leg=leg) for leg in legs), run=run)


def _limits_age_s(legs: Sequence[Leg]) -> float | None:
    """The first orders of a run wait for no answer of the venue's; what is tried again is in no such hurry."""
    return REFUSED_LIMITS_S if any(leg.retry_at is not None for leg in legs) else None


def _take(money: dict[str, Reservation], attempt: Attempt, leg: Leg) -> bool:
    """Move a leg's share from its run, if the run still has it: never beyond what was approved or is held.

    An attempt at a better price than the leg's puts less aside: the rest is free, until the leg is tried again.
    """
    asset = leg.quote_asset if attempt.side is Side.BUY else leg.base_asset
    share = exact_product(attempt.quantity, leg.limit_price) if attempt.side is Side.BUY else attempt.held
    rest = money.get(asset)
    left: Decimal = (rest.amount if rest else ZERO) - share
    if rest is None or left < ZERO:
        return False
    money[asset] = Reservation(
        holder_id=rest.holder_id,
        asset=asset,
        user_id=rest.user_id,
        account_id=rest.account_id,
        position_id=rest.position_id,
        run_id=rest.run_id,
        amount=left,
    )
    return True
