"""A position whose books change and whose prices move, told to the reconciler's use cases step by step."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

from reconciler.application.refresh_books import RunNote
from reconciler.domain.held import worth
from reconciler.domain.performance import Kept, results_of
from reconciler.domain.valuation import Mark, value_position
from shared.trading.status import PositionStatus

D = Decimal


class Story:
    """`bench` and `make` as the unit tests of the reconciler have them."""

    def __init__(self, bench: Any, make: Any) -> None:
        self.bench, self.make = bench, make

    async def trade(self, kind: str, *coins: Any, **totals: Any) -> None:
        self.bench.clock.advance(1)
        totals = {name: value if name == "status" else D(value) for name, value in totals.items()}
        book = self.make.book(*coins, traded_at=self.bench.clock.now(), **totals)
        self.bench.sources.book = self.make.books(book)
        closed = book.status is PositionStatus.CLOSED
        await self.bench.refreshing.refresh(
            self.make.ACCOUNT,
            self.make.POSITION,
            consumer="c",
            message_id=uuid4(),
            closed=closed,
            run=RunNote(kind=kind),
        )

    async def day(self, **prices: str) -> None:
        self.bench.clock.advance(86_400)
        self.bench.price(**prices)
        await self.bench.revaluing.run_once()

    def kept(self) -> Kept:
        tracked = self.bench.store.positions[self.make.POSITION]
        now = self.bench.clock.now()
        marks = {name: Mark(price=quote.bid, stale=False) for name, quote in self.bench.sources.prices.items()}
        held = self.bench.store.held[self.make.POSITION]
        points = sorted(self.bench.store.points.values(), key=lambda point: point.slot)
        return Kept(
            tracked=tracked,
            points=points,
            flows=self.bench.store.flows,
            moved=self.bench.store.moved,
            legs=list(self.bench.store.legs.values()),
            in_kind=frozenset(self.bench.store.in_kind),
            held=held,
            valuation=value_position(tracked.book, marks, now),
            held_value=worth(held, marks),
            btc_price=marks["BTCUSDT"].price,
        )

    def results(self, **other: Any) -> Any:
        return results_of(self.kept(), **{"start": None, "now": self.bench.clock.now(), **other})
