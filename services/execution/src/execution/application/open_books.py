"""The rows that some facts touch, changed in memory and saved together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from execution.application.book_ports import Reservation, Work
from execution.application.ports import Account
from execution.application.told import FillTold, IncidentTold, LegTold
from execution.domain.attempt import Attempt
from execution.domain.fee_price import FeePrice, fee_value
from execution.domain.fill import Fill, after_fill, split_sale
from execution.domain.journal import JournalLine, beyond_lines, fill_lines
from execution.domain.leg import Leg
from execution.domain.position import Position, PositionHolding, Run, RunState
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.venue_facts import AbsenceFact, ExecutionFact, Fact, OrderFact, ReplyFact
from shared.trading.status import LegStatus, Side


class OpenBooks:
    """A page of the books: load, change, save; the transaction is somebody else's."""

    def __init__(self, work: Work, account: Account, now: datetime) -> None:
        self._work = work
        self._account = account
        self._now = now
        self.attempts: dict[str, Attempt] = {}
        self._legs: dict[UUID, Leg] = {}
        self._positions: dict[UUID, Position] = {}
        self._holdings: dict[tuple[UUID, str], PositionHolding] = {}
        self._runs: dict[UUID, Run] = {}
        self._booked: set[str] = set()
        self._before: dict[str, Attempt] = {}
        self._legs_before: dict[UUID, Leg] = {}
        self._fills: list[Fill] = []
        self._incidents: list[IncidentTold] = []
        self._fee_prices: Mapping[str, FeePrice] = {}

    @classmethod
    async def load(
        cls,
        work: Work,
        account: Account,
        facts: Sequence[Fact],
        *,
        now: datetime,
        fee_prices: Mapping[str, FeePrice] | None = None,
    ) -> OpenBooks:
        """Open the page that facts are about, with the prices of coins in which the venue took fees."""
        attempts = await work.attempts_by_link({fact.link_id for fact in facts})
        page = await cls.of(work, account, attempts, now=now)
        page._fee_prices = fee_prices or {}  # noqa: SLF001 - its own page
        exec_ids = {fact.exec_id for fact in facts if isinstance(fact, ExecutionFact)}
        page._booked = await work.known_fills(account.account_id, exec_ids)  # noqa: SLF001 - its own page
        return page

    @classmethod
    async def of(cls, work: Work, account: Account, attempts: Sequence[Attempt], *, now: datetime) -> OpenBooks:
        """Open the page of some attempts."""
        page = cls(work, account, now)
        page.attempts = {attempt.link_id: attempt for attempt in attempts}
        page._before = dict(page.attempts)
        legs = await work.legs({attempt.leg_id for attempt in attempts}) if attempts else []
        page._legs = {leg.leg_id: leg for leg in legs}
        page._legs_before = dict(page._legs)
        for run_id in {attempt.run_id for attempt in attempts}:
            run = await work.run(run_id)
            if run is not None:
                page._runs[run_id] = run
        return page

    def reply(self, fact: ReplyFact) -> None:
        """An answer to a send."""
        self.follow(self.attempts[fact.link_id].replied(fact.reply, fact.at))

    def order(self, fact: OrderFact) -> None:
        """An order as the venue shows it; one that differs from our intent is an incident, and adopted all the same."""
        attempt = self.attempts[fact.link_id]
        theirs = (fact.symbol, fact.side, fact.quantity, fact.price)
        ours = (attempt.symbol, attempt.side, attempt.quantity, attempt.limit_price)
        if attempt.venue_order_id is None and theirs != ours:
            self.incident(attempt, "order_differs_from_intent", f"The venue shows {theirs}, we meant {ours}.")
        self.follow(attempt.seen(fact, self._now))

    def absence(self, fact: AbsenceFact, times: ProtocolTimes) -> None:
        """Three questions that found nothing."""
        self.follow(self.attempts[fact.link_id].absent(fact.asked_at, times))

    def execution(self, fact: ExecutionFact) -> None:
        """A match: booked once, whatever state its order is in."""
        if fact.exec_id in self._booked:
            return
        self._booked.add(fact.exec_id)
        attempt = self.attempts[fact.link_id]
        leg = self._legs[attempt.leg_id]
        if attempt.terminal:
            self.incident(attempt, "late_execution", f"Match {fact.exec_id} came after the order had ended.")
        worth = fee_value(fact, self._fee_prices, self._now)
        fill = _fill(attempt, leg, fact, self._now, fee_worth=worth)
        self._fills.append(fill)
        self._legs[leg.leg_id] = leg.filled(
            quantity=fill.quantity, notional=fill.notional, fee=fill.fee, fee_asset=fill.fee_asset
        )
        self.follow(attempt.executed(quantity=fill.quantity, notional=fill.notional, at=self._now))

    def take_over(self) -> None:
        """Whoever held the desk before is gone."""
        for attempt in list(self.attempts.values()):
            self.follow(attempt.taken_over(self._now))

    def follow(self, attempt: Attempt) -> None:
        """An attempt moved, and its leg with it."""
        self.attempts[attempt.link_id] = attempt
        self._legs[attempt.leg_id] = self._legs[attempt.leg_id].follows(attempt)

    def incident(self, attempt: Attempt, code: str, detail: str) -> None:
        """Call a person."""
        self._incidents.append(
            IncidentTold(
                user_id=attempt.user_id,
                account_id=attempt.account_id,
                position_id=attempt.position_id,
                code=code,
                detail=detail,
                client_order_id=attempt.link_id,
            )
        )

    async def save(self) -> None:
        """Write everything that changed, and tell of it."""
        await self._save_fills()
        changed = [attempt for link, attempt in self.attempts.items() if attempt != self._before[link]]
        await self._work.save_attempts(changed)
        await self._move_reservations(changed)
        legs = [_once(leg, self._legs_before[leg.leg_id]) for leg in self._legs.values()]
        moved = [leg for leg in legs if leg != self._legs_before[leg.leg_id]]
        await self._work.save_legs(moved)
        for leg in moved:
            filled = leg.status is LegStatus.FILLED and self._legs_before[leg.leg_id].status is not LegStatus.FILLED
            self._work.tell(LegTold(leg=leg, filled=filled), run=self._runs.get(leg.run_id))
        self._work.tell(*self._incidents)

    async def _move_reservations(self, changed: Iterable[Attempt]) -> None:
        """Only a terminal state releases; what was spent is the venue's to show."""
        ended = [attempt.attempt_id for attempt in changed if attempt.terminal]
        held = [self._reservation(attempt) for attempt in changed if not attempt.terminal and attempt.filled_quantity]
        if ended:
            await self._work.release(ended)
        if held:
            await self._work.reserve(held)

    def _reservation(self, attempt: Attempt) -> Reservation:
        leg = self._legs[attempt.leg_id]
        return reservation_of(attempt, leg)

    async def _save_fills(self) -> None:
        if not self._fills:
            return
        await self._load_positions({fill.position_id for fill in self._fills})
        lines: list[JournalLine] = []
        booked: list[Fill] = []
        for fill in self._fills:
            lines += fill_lines(fill) + self._apply(fill)
            entry = self._holdings[fill.position_id, fill.base_asset].entries
            booked.append(replace(fill, entry=entry))
            self._work.tell(FillTold(fill=booked[-1]), run=self._runs.get(fill.run_id))
        await self._work.add_fills(booked)
        await self._work.add_lines(lines)
        touched = {(fill.position_id, fill.base_asset) for fill in self._fills}
        await self._work.save_holdings([self._holdings[key] for key in touched])
        for position in self._positions.values():
            await self._work.save_position(position)

    async def _load_positions(self, position_ids: set[UUID]) -> None:
        for position_id in position_ids:
            position = await self._work.position(position_id)
            if position is not None:
                self._positions[position_id] = position
        for holding in await self._work.holdings(position_ids):
            self._holdings[holding.position_id, holding.asset] = holding

    def _apply(self, fill: Fill) -> list[JournalLine]:
        """Change holding and money; returns the lines for what was sold beyond the holding."""
        key = (fill.position_id, fill.base_asset)
        holding = self._holdings.get(key) or PositionHolding(
            position_id=fill.position_id,
            user_id=fill.user_id,
            account_id=fill.account_id,
            asset=fill.base_asset,
            symbol=fill.symbol,
            target_weight=self._legs[fill.leg_id].target_weight,
        )
        covered, beyond = split_sale(fill, holding.quantity)
        self._holdings[key] = holding.with_ledger(
            after_fill(holding.ledger(), covered) if covered else holding.ledger()
        )
        if covered is not None:
            self._add_money(covered)
        if beyond is None:
            return []
        # The venue's match is a fact: the books stop at nothing held, and a person looks at the difference.
        sold = f"Match {fill.exec_id} sold {beyond.quantity} {fill.base_asset} beyond what the position held."
        self.incident(self.attempts[fill.client_order_id], "oversold", sold)
        return beyond_lines(beyond)

    def _add_money(self, fill: Fill) -> None:
        position = self._positions[fill.position_id]
        buy = fill.side is Side.BUY
        self._positions[fill.position_id] = replace(
            position,
            invested=position.invested + (fill.notional + fill.quote_fee if buy else 0),
            proceeds=position.proceeds + (0 if buy else fill.notional - fill.quote_fee),
            fees=position.fees + fill.fee_value,
            traded_at=self._now,
        )

    def runs_to_settle(self) -> list[tuple[Run, bool]]:
        """Runs whose legs moved, and whether each was settled before: late evidence settles a run again."""
        moved = {leg.run_id for leg in self._legs.values() if leg != self._legs_before[leg.leg_id]}
        return [(run, run.state is RunState.SETTLED) for run_id, run in self._runs.items() if run_id in moved]


def reservation_of(attempt: Attempt, leg: Leg) -> Reservation:
    """What an attempt must have put aside."""
    return Reservation(
        holder_id=attempt.attempt_id,
        asset=leg.quote_asset if attempt.side is Side.BUY else leg.base_asset,
        user_id=attempt.user_id,
        account_id=attempt.account_id,
        position_id=attempt.position_id,
        run_id=attempt.run_id,
        amount=attempt.held,
    )


def _once(leg: Leg, before: Leg) -> Leg:
    """Several steps in one transaction are one state for the world."""
    return leg if leg == before else replace(leg, version=before.version + 1)


def _fill(attempt: Attempt, leg: Leg, fact: ExecutionFact, now: datetime, *, fee_worth: tuple[Decimal, bool]) -> Fill:
    return Fill(
        account_id=attempt.account_id,
        exec_id=fact.exec_id,
        user_id=attempt.user_id,
        position_id=attempt.position_id,
        leg_id=leg.leg_id,
        run_id=attempt.run_id,
        symbol=fact.symbol,
        base_asset=leg.base_asset,
        quote_asset=leg.quote_asset,
        side=attempt.side,
        price=fact.price,
        quantity=fact.quantity,
        fee=fact.fee,
        fee_asset=fact.fee_asset or (leg.base_asset if attempt.side is Side.BUY else leg.quote_asset),
        at=fact.at,
        client_order_id=attempt.link_id,
        venue_order_id=fact.venue_order_id,
        booked_at=now,
        third_coin_fee_value=fee_worth[0],
        fee_value_stale=fee_worth[1],
    )
