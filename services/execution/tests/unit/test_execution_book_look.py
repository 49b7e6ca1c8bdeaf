"""A plan beside the order books: what its legs would cost, and which of them the books cannot fill."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from execution.domain.book_look import look_at_books
from execution.domain.plan import Plan, PlanLine
from execution.domain.position import RunKind
from shared.trading.depth import BookLevel, Depth
from shared.trading.policy import LegPolicy
from shared.trading.status import Side, VenueEnvironment

D = Decimal
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HALF = D("0.5")


def a_line(side: Side = Side.BUY, *, quantity: str = "10", symbol: str = "BTCUSDT", number: int = 0) -> PlanLine:
    best, limit = ("100", "101") if side is Side.BUY else ("99", "98")
    return PlanLine(
        number=number,
        symbol=symbol,
        base_asset=symbol.removesuffix("USDT"),
        quote_asset="USDT",
        side=side,
        target_weight=D(1),
        effective_weight=D(1),
        quantity=D(quantity),
        estimated_price=D(best),
        limit_price=D(limit),
        fee=D("0.01"),
        fee_asset="BTC",
        price_at=NOW,
        check="ok",
        arrival_price=D("99.5"),
    )


def a_plan(*lines: PlanLine, policy: LegPolicy = LegPolicy.HOLD) -> Plan:
    return Plan(
        plan_id=UUID(int=1),
        user_id=UUID(int=2),
        account_id=UUID(int=3),
        environment=VenueEnvironment.PAPER,
        kind=RunKind.BUY,
        index_id="top-5",
        index_version=1,
        amount=D(2000),
        legs=list(lines),
        available=D(5000),
        minimum_amount=D(0),
        price_band=D("0.01"),
        fee_rate=D("0.001"),
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=1),
        policy=policy,
    )


def a_book(asks: list[tuple[str, str]], bids: list[tuple[str, str]] | None = None) -> dict[str, Depth]:
    def levels(rows: list[tuple[str, str]]) -> list[BookLevel]:
        return [BookLevel(price=D(price), quantity=D(quantity)) for price, quantity in rows]

    return {"BTCUSDT": Depth(symbol="BTCUSDT", bids=levels(bids or []), asks=levels(asks), at=NOW)}


def test_slippage_is_what_the_book_would_cost_on_both_sides() -> None:
    deep = a_book([("100", "4"), ("100.5", "4"), ("101", "50")], [("99", "5"), ("98", "50")])
    buy = look_at_books(a_plan(a_line()), deep, least=HALF)
    assert buy.legs[0].book_price == D("100.4"), "(4 × 100 + 4 × 100.5 + 2 × 101) ÷ 10"
    assert buy.slippage == buy.legs[0].slippage == D(9), "10 × (100.4 - 99.5), the middle of the book"
    assert buy.warnings == []
    sell = look_at_books(a_plan(a_line(Side.SELL)), deep, least=HALF)
    assert sell.legs[0].book_price == D("98.5")
    assert sell.slippage == D(10)


def test_a_leg_that_the_book_cannot_half_fill_within_its_limit_is_left_out_and_says_so() -> None:
    thin = a_book([("100", "4.9"), ("101.01", "500")])
    plan = look_at_books(a_plan(a_line(), a_line(symbol="ETHUSDT", number=1)), thin, least=HALF)
    [line, other] = plan.legs
    assert (line.check, line.reason, line.quantity, line.book_price) == ("illiquid", "book_too_thin", D(0), None)
    assert (other.check, other.book_price) == ("ok", None), "a book that is not told says nothing"
    assert plan.executable
    assert line.book_notional == D(490)
    assert plan.warnings == [
        "BTCUSDT is left out: its order book takes 490 USDT of it within the limit now.",
        "Order books not seen: ETHUSDT. What they cost is estimated at the best prices.",
    ]
    assert not look_at_books(a_plan(a_line()), thin, least=HALF).executable


def test_a_leg_that_may_only_fill_in_part_is_warned_of_and_one_that_is_tried_again_is_never_left_out() -> None:
    some = look_at_books(a_plan(a_line()), a_book([("100", "5")]), least=HALF)
    assert (some.legs[0].check, some.legs[0].book_price) == ("ok", D(100))
    assert some.warnings == [
        "The order book takes only 50 % of the order for BTCUSDT within the limit now (500 USDT): the rest may not fill."
    ]
    patient = look_at_books(a_plan(a_line(), policy=LegPolicy.COMPLETE), a_book([]), least=HALF)
    assert (patient.legs[0].check, patient.legs[0].book_price) == ("ok", None)
    assert patient.warnings


def test_a_sale_takes_what_is_there_and_is_left_out_only_where_nobody_buys() -> None:
    some = look_at_books(a_plan(a_line(Side.SELL)), a_book([], [("99", "1"), ("97.9", "500")]), least=HALF)
    assert (some.legs[0].check, some.legs[0].quantity) == ("ok", D(10))
    assert some.warnings == [
        "The order book takes only 10 % of the order for BTCUSDT within the limit now (99 USDT): the rest may not fill."
    ]
    nobody = look_at_books(a_plan(a_line(Side.SELL)), a_book([], [("97.9", "500")]), least=HALF)
    assert (nobody.legs[0].check, nobody.legs[0].reason) == ("illiquid", "book_too_thin")
    assert nobody.warnings == ["BTCUSDT is left out: its order book takes 0 USDT of it within the limit now."]


def test_a_book_that_goes_on_beyond_what_was_told_is_not_taken_for_thin() -> None:
    [told] = a_book([("100", "1"), ("100.5", "1")]).values()
    cut = look_at_books(a_plan(a_line()), {"BTCUSDT": replace(told, levels=2)}, least=HALF)
    assert (cut.legs[0].check, cut.warnings) == ("ok", [])
    assert cut.legs[0].book_price == D("100.85"), "(100 + 100.5 + 8 × the limit of 101) ÷ 10: it cannot cost more"
    whole = look_at_books(a_plan(a_line()), {"BTCUSDT": replace(told, levels=3)}, least=HALF)
    assert whole.legs[0].check == "illiquid", "fewer levels than were asked for: there are no more"
    [far] = a_book([("100", "1"), ("101.5", "1")]).values()
    beyond = look_at_books(a_plan(a_line()), {"BTCUSDT": replace(far, levels=2)}, least=HALF)
    assert beyond.legs[0].check == "illiquid", "what goes on lies beyond the limit"


def test_prices_that_move_between_two_looks_are_no_slippage() -> None:
    """The mid of the moment when prices were read is 99.5; the book was read when everything was 10 lower."""
    moved = look_at_books(a_plan(a_line()), a_book([("90", "50")], [("89", "50")]), least=HALF)
    assert moved.slippage == D(5), "10 × (90 - 89.5)"
    one_sided = look_at_books(a_plan(a_line()), a_book([("100", "50")]), least=HALF)
    assert one_sided.slippage == D(5), "10 × (100 - 99.5): without a middle of its own, by the best price"


PRICES = st.decimals("0.01", 1_000_000, places=2)


@given(
    side=st.sampled_from(Side),
    quantity=st.decimals(0, 1_000, places=3),
    best=PRICES,
    limit=PRICES,
    arrival=st.none() | PRICES,
    by_book=st.none() | PRICES,
    mid=st.none() | PRICES,
)
def test_no_leg_costs_more_than_at_its_limit_whatever_was_seen(
    side: Side, quantity: D, best: D, limit: D, arrival: D | None, by_book: D | None, mid: D | None
) -> None:
    seen = replace(a_line(side), quantity=quantity, estimated_price=best, limit_price=limit, arrival_price=arrival)
    line = replace(seen, book_price=by_book, book_mid=mid)
    assert (line.slippage is None) == (line.slippage_max is None) == (line.mid is None)
    assert line.slippage is None or line.slippage_max is None or line.slippage <= line.slippage_max
    unsent = replace(line, check="illiquid")
    plan = a_plan(line, unsent)
    assert (unsent.slippage, unsent.slippage_max) == (None, None)
    assert (plan.slippage, plan.slippage_max) == (line.slippage or 0, line.slippage_max or 0)


def test_the_most_it_may_cost_is_told_against_the_mid_that_the_cost_is_told_against() -> None:
    risen = look_at_books(a_plan(a_line(Side.SELL)), a_book([("121", "50")], [("120", "50")]), least=HALF)
    assert (risen.slippage, risen.slippage_max) == (D(5), D(225)), "10 × (120.5 - 120), 10 × (120.5 - 98)"
    unpriced = a_plan(replace(a_line(), arrival_price=None))
    assert (unpriced.slippage, unpriced.slippage_max) == (D(0), D(0)), "without a mid nothing is told"
