"""The year's second opinion of returns, on a ledger of two purchases that is worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from kit.town import LINK_KEY, Customer, Ordered, Town
from kit.town_ledger_returns import returns_of
from kit.town_price_tape import PriceTape

from execution.application.ports import Account
from execution.domain.position import RunKind
from shared.trading.clock import epoch_ms
from shared.trading.link_id import LinkId, position_tail, run_tail
from shared.trading.quote import Quote
from shared.trading.status import VenueEnvironment

D = Decimal
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
POSITION, BUY, INVEST = UUID(int=1), UUID(int=2), UUID(int=3)
CUSTOMER = Customer(
    account=Account(user_id=UUID(int=4), account_id=UUID(int=5), environment=VenueEnvironment.PAPER), uid="6"
)


def second(number: int) -> datetime:
    return BEGIN + timedelta(seconds=number)


def quoted(at: int, *, bid: str, ask: str, last: str) -> dict[str, Quote]:
    return {"SOLUSDT": Quote(symbol="SOLUSDT", bid=D(bid), ask=D(ask), last=D(last), at=second(at))}


def bought(run_id: UUID, at: int, *, price: str, quantity: str = "1") -> SimpleNamespace:
    link = LinkId(
        environment=VenueEnvironment.PAPER, position=position_tail(POSITION), run=run_tail(run_id), leg=0, attempt=0
    )
    return SimpleNamespace(
        at_ms=epoch_ms(second(at)),
        link_id=link.encode(LINK_KEY),
        symbol="SOLUSDT",
        side="Buy",
        quantity=D(quantity),
        value=D(price) * D(quantity),
        fee=D(0),
    )


def a_town(tape: PriceTape, *matches: SimpleNamespace) -> Town:
    """All that the second opinion reads of one."""
    kinds = {BUY: RunKind.BUY, INVEST: RunKind.INVEST}
    ordered = [Ordered(position_id=POSITION, run_id=run, kind=kind, amount=D(0)) for run, kind in kinds.items()]
    account = SimpleNamespace(executions=list(matches))
    town: Any = SimpleNamespace(
        ordered=ordered,
        market=SimpleNamespace(tape=tape),
        venue=SimpleNamespace(account=lambda _: account),
        books_house=SimpleNamespace(everything=lambda _: []),
    )
    return cast("Town", town)


def test_golden_a_purchase_that_empties_a_book_pays_no_price_move() -> None:
    """One coin at 100; another takes the last offer at 120, then a third follows: what was there counts at 120 too.

    The chain: 1 x 120/100 (the coin that was there) x 360/(120 + 240) (nothing was lost by trading) - 1.
    """
    tape = PriceTape()
    tape.note(second(0), quoted(0, bid="100", ask="100", last="100"))
    tape.note(second(20), quoted(20, bid="119", ask="0", last="120"))
    town = a_town(tape, bought(BUY, 1, price="100"), bought(INVEST, 10, price="120"), bought(INVEST, 30, price="120"))
    found = returns_of(town, CUSTOMER, POSITION, [], at=second(60))
    assert (found.paid_in, found.taken_out, found.value) == (D(340), D(0), D(360))
    assert found.time_weighted == D("0.2")
