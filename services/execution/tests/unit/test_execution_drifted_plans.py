"""Rebalances of what drifted alone, while some coins cannot be traded: nothing is sold for a coin that nobody buys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from execution.domain.basket import Bands, Basket, Draft
from execution.domain.part import Part
from execution.domain.plan import Mode
from execution.domain.rebalance import draft_rebalance
from execution.domain.sizing import SizingRules
from execution.domain.thin_book import Thin
from shared.trading.instrument import Instrument
from shared.trading.money import ZERO
from shared.trading.quote import Quote
from shared.trading.status import Side

D = Decimal
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PRICE = D(10)
FEE = D("0.001")
THIN = Thin(side=Side.BUY, takes=D(3))


def a_part(name: str, *, weight: str, held: str = "0", stuck: bool = False, thin: bool = False) -> Part:
    """A coin at 10 quote units, of which nobody tells a price any more when it is stuck."""
    symbol = f"{name}USDT"
    return Part(
        asset=name,
        symbol=symbol,
        weight=D(weight),
        held=D(held),
        cost=D(held) * PRICE,
        before=D(weight) or None,
        instrument=Instrument(
            symbol=symbol,
            base=name,
            quote="USDT",
            lot_size=D("0.001"),
            tick_size=D("0.0001"),
            min_quantity=D("0.001"),
            min_notional=D(5),
            max_limit_quantity=D("1e9"),
        ),
        quote=Quote(symbol=symbol, bid=PRICE, ask=PRICE, last=PRICE, at=NOW - timedelta(minutes=int(stuck))),
        thin=THIN if thin else None,
    )


def a_basket(*parts: Part, cash: Decimal = ZERO, share: Decimal = ZERO) -> Basket:
    return Basket(
        parts=parts,
        cash=cash,
        cash_share=share,
        cap=D(1),
        rules=SizingRules(),
        bands=Bands(),
        fee_rate=FEE,
        now=NOW,
    )


def traded(draft: Draft) -> dict[str, Decimal]:
    """Base units per coin: bought above zero, sold below."""
    return {
        trade.part.asset: trade.quantity if trade.side is Side.BUY else -trade.quantity
        for trade in draft.trades
        if trade.ok
    }


def after(basket: Basket, draft: Draft) -> Basket:
    """The position once everything has filled at the best price."""
    trades: Mapping[str, Decimal] = traded(draft)
    parts = [replace(part, held=part.held + trades.get(part.asset, D(0))) for part in basket.parts]
    return replace(basket, parts=parts, cash=draft.cash_after)


def test_golden_nothing_is_sold_for_a_coin_whose_book_is_thin() -> None:
    """XRP wants 24 and cannot have them. Of the other 90 BTC and ETH get 45 each, but 5 buy nothing that sells again."""
    btc, eth = a_part("BTC", weight="0.33", held="4"), a_part("ETH", weight="0.33", held="5")
    deep = a_basket(btc, eth, a_part("XRP", weight="0.34", held="1"))
    assert traded(draft_rebalance(deep, Mode.DRIFTED))["XRP"] > 0, "the plan's first draft, before it saw the books"
    thin = a_basket(btc, eth, a_part("XRP", weight="0.34", held="1", thin=True))
    for mode in (Mode.DRIFTED, Mode.FULL):
        draft = draft_rebalance(thin, mode)
        assert (traded(draft), draft.cash_after) == ({}, D(0))


def test_golden_what_can_be_traded_is_brought_to_its_share_of_what_does_not_stand_still() -> None:
    """BTC 400, ETH 500, XRP 100 that nobody quotes: 450 each, and no more is sold than is bought."""
    basket = a_basket(
        a_part("BTC", weight="0.33", held="40"),
        a_part("ETH", weight="0.33", held="50"),
        a_part("XRP", weight="0.34", held="10", stuck=True),
    )
    draft = draft_rebalance(basket, Mode.DRIFTED)
    assert traded(draft) == {"ETH": D(-5), "BTC": D("4.945")}  # 49.95 ÷ 10.10, the limit
    assert draft.cash_after == D("0.5")
    assert traded(draft_rebalance(after(basket, draft), Mode.DRIFTED)) == {}


def test_a_halted_coin_below_its_target_has_nothing_sold_for_it_and_no_mode_trades_it_back() -> None:
    """Half of the index is halted at a third of the position: BTC cannot be anything but the rest."""
    basket = a_basket(a_part("BTC", weight="0.5", held="10"), a_part("XRP", weight="0.5", held="5", stuck=True))
    for mode in (Mode.DRIFTED, Mode.FULL):
        assert not draft_rebalance(basket, mode).executable


def test_a_coin_that_left_the_index_is_sold_whatever_is_halted() -> None:
    basket = a_basket(
        a_part("BTC", weight="0.5", held="10"),
        a_part("XRP", weight="0.5", held="5", stuck=True),
        a_part("OLD", weight="0", held="5"),
    )
    draft = draft_rebalance(basket, Mode.DRIFTED)
    assert traded(draft) == {"OLD": D(-5), "BTC": D("4.945")}


def test_where_the_index_wants_cash_the_others_are_not_bought_to_be_sold_again() -> None:
    """Half shall be cash and nothing is. BTC alone is outside its band; what it brings is kept, and the others follow."""
    basket = a_basket(
        a_part("BTC", weight="0.4", held="46"),
        a_part("ETH", weight="0.3", held="28"),
        a_part("XRP", weight="0.3", held="26"),
        share=D("0.5"),
    )
    draft = draft_rebalance(basket, Mode.DRIFTED)
    assert traded(draft) == {"BTC": D(-26), "ETH": D(-13), "XRP": D(-11)}
    assert draft.cash_after == D("499.5"), "500 and the fee"
    assert traded(draft_rebalance(after(basket, draft), Mode.FULL)) == {}


SIZES = st.lists(st.integers(min_value=10, max_value=40), min_size=1, max_size=5)
HELD = st.lists(st.integers(min_value=0, max_value=300), min_size=6, max_size=6)
BLOCKED = st.sets(st.integers(min_value=0, max_value=5), max_size=3)
CASH = st.integers(min_value=0, max_value=500)
SHARES = st.sampled_from([D(0), D("0.1"), D("0.5")])


def a_position(sizes: list[int], held: list[int], blocked: set[int], cash: int, share: Decimal) -> Basket:
    """Up to five constituents and one coin that left; some of them cannot be traded."""
    whole = D(sum(sizes))
    rows = [*((D(size) / whole).quantize(D("1e-12"), rounding="ROUND_DOWN") for size in sizes), D(0)]
    rows[0] += D(1) - sum(rows)
    parts = [
        a_part(f"C{number}", weight=str(weight), held=str(amount), stuck=number in blocked)
        for number, (weight, amount) in enumerate(zip(rows, held, strict=False))
    ]
    return a_basket(*parts, cash=D(cash), share=share)


def rounding(basket: Basket) -> Decimal:
    """What fees, the room up to the limits and orders too small to send may leave, quote units."""
    return basket.total * D("0.015") + 10


def idle(basket: Basket) -> Decimal:
    return basket.cash - basket.kept_cash


def buyable(basket: Basket) -> bool:
    return any(part.weight > 0 for part in basket.free)


@settings(deadline=None)
@given(SIZES, HELD, BLOCKED, CASH, SHARES)
def test_no_more_cash_lies_idle_after_a_rebalance_of_what_drifted(
    sizes: list[int], held: list[int], blocked: set[int], cash: int, share: Decimal
) -> None:
    basket = a_position(sizes, held, blocked, cash, share)
    then = after(basket, draft_rebalance(basket, Mode.DRIFTED))
    if buyable(basket):
        assert idle(then) <= max(idle(basket), D(0)) + rounding(basket)


@settings(deadline=None)
@given(SIZES, HELD, BLOCKED, CASH, SHARES)
def test_what_one_rebalance_trades_the_next_ones_do_not_trade_back(
    sizes: list[int], held: list[int], blocked: set[int], cash: int, share: Decimal
) -> None:
    """Automatic rebalances take turns with dates of the calendar, while the same coins stay blocked at the same price."""
    basket = a_position(sizes, held, blocked, cash, share)
    allowed = rounding(basket)
    moved: dict[str, list[Decimal]] = {part.asset: [] for part in basket.parts}
    for mode in (Mode.DRIFTED, Mode.FULL, Mode.DRIFTED):
        draft = draft_rebalance(basket, mode)
        for asset, quantity in traded(draft).items():
            moved[asset].append(quantity * PRICE)
        basket = after(basket, draft)
    for asset, moves in moved.items():
        bought, sold = (sum((max(sign * one, D(0)) for one in moves), D(0)) for sign in (1, -1))
        assert min(bought, sold) <= allowed, f"{asset} goes back and forth: {moves}"
