"""Plans on a position that stands: what they trade, what they leave alone, and what they can never do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execution.domain.basket import Bands, Basket, Draft
from execution.domain.cash_flow import draft_invest, draft_withdraw
from execution.domain.errors import AmountAboveValue, AmountTooSmall
from execution.domain.part import Part
from execution.domain.plan import Mode
from execution.domain.rebalance import draft_rebalance
from execution.domain.run_lines import run_lines, run_warnings
from execution.domain.sizing import SizingRules
from execution.domain.trade import Trade, buy_cost_min
from shared.trading.instrument import Instrument
from shared.trading.quote import Quote
from shared.trading.status import Side

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
D = Decimal
RULES = SizingRules()


def a_part(
    name: str,
    *,
    weight: str,
    held: str = "0",
    price: str = "10",
    lot: str = "0.001",
    minimum: str = "5",
    age_s: int = 0,
    **changes: Any,
) -> Part:
    symbol, ask = f"{name}USDT", D(price)
    instrument = Instrument(
        symbol=symbol,
        base=name,
        quote="USDT",
        lot_size=D(lot),
        tick_size=D("0.0001"),
        min_quantity=D(lot),
        min_notional=D(minimum),
        max_limit_quantity=D("1e9"),
    )
    quote = Quote(symbol=symbol, bid=ask, ask=ask, last=ask, at=NOW - timedelta(seconds=age_s))
    known: dict[str, Any] = {"instrument": instrument, "quote": quote, "before": D(weight) or None}
    return Part(asset=name, symbol=symbol, weight=D(weight), held=D(held), cost=D(held) * ask, **(known | changes))


def a_basket(*parts: Part, cash: str = "0", **changes: Any) -> Basket:
    known: dict[str, Any] = {
        "cash_share": D(0),
        "cap": D(1),
        "rules": RULES,
        "bands": Bands(),
        "fee_rate": D("0.001"),
        "now": NOW,
    }
    return Basket(parts=parts, cash=D(cash), **(known | changes))


def traded(draft: Draft) -> dict[str, Decimal]:
    """Base units per coin: bought above zero, sold below."""
    return {
        trade.part.asset: trade.quantity if trade.side is Side.BUY else -trade.quantity
        for trade in draft.trades
        if trade.ok
    }


def checks(draft: Draft) -> dict[str, str]:
    return {trade.part.asset: trade.check for trade in draft.trades}


def test_a_drifted_basket_trades_the_difference_alone() -> None:
    basket = a_basket(a_part("AAA", weight="0.5", held="60"), a_part("BBB", weight="0.5", held="40"))
    assert traded(draft_rebalance(basket, Mode.FULL)) == {"AAA": D(-10), "BBB": D("9.891")}
    # 10 sold at 10 bring 99.90; the limit of the buy is 10.10: 9.891 × 10.10 = 99.8991.


def test_inside_the_bands_nothing_is_traded_and_the_plan_says_so() -> None:
    basket = a_basket(a_part("AAA", weight="0.5", held="54"), a_part("BBB", weight="0.5", held="46"))
    for mode in Mode:
        draft = draft_rebalance(basket, mode)
        assert not draft.executable
        assert checks(draft) == {"AAA": "hold", "BBB": "hold"}


def test_one_of_both_bands_suffices() -> None:
    near, far = D("0.0099"), D("0.01")
    small = Bands(absolute=D("0.05"), relative=D("0.25"))
    assert not small.outside(weight=D("0.04") + near, target=D("0.04"))
    assert small.outside(weight=D("0.04") + far, target=D("0.04")), "a quarter of its own target"
    assert small.outside(weight=D("0.55"), target=D("0.5")), "five points"
    assert not small.outside(weight=D(0), target=D(0))


def test_only_the_drifted_coins_trade_when_asked_and_others_only_for_the_money() -> None:
    parts = (
        a_part("AAA", weight="0.4", held="52"),
        a_part("BBB", weight="0.3", held="24"),
        a_part("CCC", weight="0.3", held="24"),
    )
    loose = a_basket(*parts, bands=Bands(absolute=D("0.07"), relative=D(1)))
    drifted = traded(draft_rebalance(loose, Mode.DRIFTED))
    assert drifted["AAA"] == D(-12)
    assert drifted["BBB"] == drifted["CCC"], "what is left goes to the most underweight, which are level"
    assert sum(drifted.values()) < 0


def test_buy_only_sells_nothing_and_spends_the_positions_own_cash_on_the_most_underweight() -> None:
    basket = a_basket(a_part("AAA", weight="0.5", held="60"), a_part("BBB", weight="0.5", held="40"), cash="101")
    assert traded(draft_rebalance(basket, Mode.BUY_ONLY)) == {"BBB": D(10)}
    poor = a_basket(a_part("AAA", weight="0.5", held="60"), a_part("BBB", weight="0.5", held="40"))
    assert not draft_rebalance(poor, Mode.BUY_ONLY).executable


def test_an_excluded_coin_stays_as_it_is() -> None:
    parts = (
        a_part("AAA", weight="0.4", held="60", excluded=True),
        a_part("BBB", weight="0.3", held="30"),
        a_part("CCC", weight="0.3", held="10"),
    )
    draft = draft_rebalance(a_basket(*parts), Mode.FULL)
    assert set(traded(draft)) == {"BBB", "CCC"}
    assert checks(draft)["AAA"] == "excluded"


def test_what_left_the_index_is_sold_and_what_entered_is_bought() -> None:
    parts = (a_part("AAA", weight="0.5", held="50"), a_part("NEW", weight="0.5"), a_part("OLD", weight="0", held="50"))
    draft = draft_rebalance(a_basket(*parts), Mode.FULL)
    assert traded(draft)["OLD"] == D(-50)
    assert traded(draft)["NEW"] > D(49)
    assert draft.weights == {"AAAUSDT": D("0.5"), "NEWUSDT": D("0.5")}


def test_a_halted_coin_is_kept_at_its_last_price_and_a_delisted_one_at_its_cost_never_at_nothing() -> None:
    halted = a_part("HLT", weight="0.25", held="30", age_s=600)
    gone = a_part("GON", weight="0.25", held="30", instrument=None, quote=None)
    parts = (halted, gone, a_part("AAA", weight="0.25", held="30"), a_part("BBB", weight="0.25", held="10"))
    basket = a_basket(*parts)
    assert basket.total == D(1000)
    draft = draft_rebalance(basket, Mode.FULL)
    assert checks(draft) == {"HLT": "no_price", "GON": "delisted", "AAA": "ok", "BBB": "ok"}
    assert traded(draft)["AAA"] == D(-10), "the rest shares what is not stuck"
    assert len(run_warnings(run_lines(basket, draft, quote_asset="USDT"))) == 2


def test_a_constituent_too_small_to_buy_leaves_its_weight_to_the_others() -> None:
    parts = (
        a_part("AAA", weight="0.6", held="10"),
        a_part("BBB", weight="0.36", held="2"),
        a_part("TNY", weight="0.04"),
    )
    draft = draft_rebalance(a_basket(*parts), Mode.FULL)
    assert checks(draft)["TNY"] == "too_small"
    assert draft.weights == {"AAAUSDT": D("0.625"), "BBBUSDT": D("0.375")}
    [tiny] = [trade for trade in draft.trades if trade.part.asset == "TNY"]
    assert tiny.required_amount is not None
    assert tiny.required_amount > D(120), "the position's value at which it could be bought"


def test_the_amount_at_which_a_coin_could_be_bought_is_told_in_cents_rounded_up() -> None:
    parts = (
        a_part("AAA", weight="0.6", held="10"),
        a_part("BBB", weight="0.37", held="2"),
        a_part("TNY", weight="0.03"),
    )
    [tiny] = [one for one in draft_rebalance(a_basket(*parts), Mode.FULL).trades if one.part.asset == "TNY"]
    assert tiny.required_amount is not None
    cost = buy_cost_min(tiny.part, a_basket(*parts).rules)
    assert tiny.required_amount == tiny.required_amount.quantize(D("0.01"))
    assert D(0) <= tiny.required_amount * D("0.03") - cost < D("0.0003")


def test_a_sale_leaves_nothing_behind_that_cannot_be_sold() -> None:
    parts = (a_part("AAA", weight="0.01", held="10"), a_part("BBB", weight="0.99", held="20"))
    # The target of AAA is worth 3: less than the venue would take back, so 6.50 stay.
    assert traded(draft_rebalance(a_basket(*parts), Mode.FULL))["AAA"] == D("-9.350")


def test_new_money_goes_to_the_most_underweight_first_and_the_index_keeps_its_cash() -> None:
    parts = (a_part("AAA", weight="0.5", held="60"), a_part("BBB", weight="0.5", held="40"))
    assert traded(draft_invest(a_basket(*parts), D(101))) == {"BBB": D(10)}
    kept = draft_invest(a_basket(*parts, cash_share=D("0.2")), D(100))
    assert kept.cash_part == D(20)
    assert traded(kept) == {"BBB": D("7.920")}


def test_an_amount_for_one_coin_alone_buys_that_one_and_less_is_refused_with_the_amount_that_works() -> None:
    parts = (a_part("AAA", weight="0.5", held="50"), a_part("BBB", weight="0.5", held="50"))
    draft = draft_invest(a_basket(*parts), D(8))
    assert len(traded(draft)) == 1
    assert sorted(checks(draft).values()) == ["ok", "too_small"]
    with pytest.raises(AmountTooSmall) as refused:
        draft_invest(a_basket(*parts), D(6))
    works = D(refused.value.context["minimum_amount"])
    assert traded(draft_invest(a_basket(*parts), works))


def test_a_withdrawal_takes_the_cash_first_and_then_the_most_overweight() -> None:
    parts = (a_part("AAA", weight="0.5", held="60"), a_part("BBB", weight="0.5", held="40"))
    assert traded(draft_withdraw(a_basket(*parts, cash="50"), D(50))) == {}
    assert draft_withdraw(a_basket(*parts, cash="50"), D(50)).executable
    draft = draft_withdraw(a_basket(*parts, cash="50"), D("149.9"))
    assert (traded(draft), draft.cash_part) == ({"AAA": D(-10)}, D(50))
    with pytest.raises(AmountAboveValue):
        draft_withdraw(a_basket(*parts), D(1000))
    with pytest.raises(AmountTooSmall):
        draft_withdraw(a_basket(*parts), D(3))


weights = st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=6)
holdings = st.lists(st.decimals(min_value=0, max_value=300, places=2), min_size=7, max_size=7)
prices = st.lists(st.sampled_from(["0.05", "1.5", "10", "333.3"]), min_size=7, max_size=7)
cash = st.decimals(min_value=0, max_value=500, places=2)
shares = st.sampled_from([D(0), D("0.1"), D("0.5")])


def a_position(sizes: list[int], held: list[Decimal], worth: list[str], money: Decimal, share: Decimal) -> Basket:
    """Up to six constituents and one coin that left; what is held is worth as much as `held` says in quote units."""
    whole = D(sum(sizes))
    cut = [(D(size) / whole).quantize(D("1e-12"), rounding="ROUND_DOWN") for size in sizes]
    cut[0] += D(1) - sum(cut)
    rows = [*cut, D(0)]
    parts = [
        a_part(f"C{number}", weight=str(weight), held=str((amount / D(price)).quantize(D("0.001"))), price=price)
        for number, (weight, amount, price) in enumerate(zip(rows, held, worth, strict=False))
    ]
    return a_basket(*parts, cash=str(money), cash_share=share, cap=D("0.6"))


def smallest_investment(basket: Basket, amount: Decimal) -> Decimal | None:
    """What a refusal of the amount names; None when it is not refused."""
    try:
        draft_invest(basket, amount)
    except AmountTooSmall as refused:
        return D(refused.context["minimum_amount"])
    return None


def never_wrong(basket: Basket, draft: Draft, money: Decimal) -> None:
    """Nothing is sold that is not held, nothing spent that is not there, nothing left that cannot be sold."""
    trades: list[Trade] = [trade for trade in draft.trades if trade.ok]
    assert len({trade.part.symbol for trade in draft.trades}) == len(draft.trades) == len(basket.parts)
    assert sum((t.max_notional for t in trades if t.side is Side.BUY), D(0)) <= money
    for trade in trades:
        instrument = trade.part.instrument
        assert instrument is not None
        assert trade.quantity % instrument.lot_size == 0
        assert trade.max_notional >= instrument.min_notional
        if trade.side is Side.SELL:
            left = trade.part.held - trade.quantity
            assert left >= 0
            assert left < instrument.lot_size or left * trade.price >= instrument.min_notional
        else:
            assert trade.quantity * D("0.999") * trade.price >= instrument.min_notional


@settings(deadline=None)
@given(weights, holdings, prices, cash, shares, st.sampled_from(list(Mode)))
def test_a_rebalance_never_spends_more_than_it_has_and_leaves_nothing_unsellable(
    sizes: list[int], held: list[Decimal], worth: list[str], money: Decimal, share: Decimal, mode: Mode
) -> None:
    basket = a_position(sizes, held, worth, money, share)
    draft = draft_rebalance(basket, mode)
    never_wrong(basket, draft, basket.spare_cash + basket.proceeds(draft.trades))
    assert sum(draft.weights.values(), D(0)) in {D(0), D(1)}


@settings(deadline=None)
@given(weights, prices, st.integers(min_value=50, max_value=100_000), st.sampled_from(list(Mode)))
def test_rebalancing_a_balanced_basket_trades_nothing(
    sizes: list[int], worth: list[str], total: int, mode: Mode
) -> None:
    whole = sum(sizes)
    held = [D(total * size) / D(whole) for size in sizes]
    basket = a_position(sizes, held, worth, D(0), D(0))
    assert not draft_rebalance(basket, mode).executable


@settings(deadline=None)
@given(weights, holdings, prices, cash, shares, st.decimals(min_value=1, max_value=2000, places=2))
def test_an_investment_never_spends_more_than_the_amount(
    sizes: list[int], held: list[Decimal], worth: list[str], money: Decimal, share: Decimal, amount: Decimal
) -> None:
    basket = a_position(sizes, held, worth, money, share)
    minimum = smallest_investment(basket, amount)
    if minimum is not None:
        assert minimum > amount
        assert traded(draft_invest(basket, minimum))
        return
    draft = draft_invest(basket, amount)
    never_wrong(basket, draft, amount - draft.cash_part)
    assert all(trade.side is Side.BUY for trade in draft.trades if trade.ok)


@settings(deadline=None)
@given(weights, holdings, prices, cash, st.decimals(min_value=1, max_value=2000, places=2))
def test_a_withdrawal_never_sells_for_more_than_the_amount(
    sizes: list[int], held: list[Decimal], worth: list[str], money: Decimal, amount: Decimal
) -> None:
    basket = a_position(sizes, held, worth, money, D(0))
    try:
        draft = draft_withdraw(basket, amount)
    except (AmountAboveValue, AmountTooSmall):
        return
    never_wrong(basket, draft, D(0))
    assert draft.cash_part + basket.proceeds(draft.trades) <= amount
