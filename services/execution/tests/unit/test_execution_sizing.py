from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execution.domain.amount import checked_amount
from execution.domain.buy_plan import buy_lines
from execution.domain.errors import AmountTooLarge, AmountTooSmall, CoinsHalted, NoFreshPrices
from execution.domain.price_band import limit_price
from execution.domain.sizing import Candidate, SizingRules, size_basket
from shared.trading.instrument import Instrument
from shared.trading.money import InvalidAmount, floor_to_lot
from shared.trading.quote import Quote
from shared.trading.status import Side
from shared.trading.weights import capped_weights

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
D = Decimal


def an_instrument(symbol: str, *, lot: str = "0.001", tick: str = "0.01", minimum: str = "5") -> Instrument:
    return Instrument(
        symbol=symbol,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        lot_size=D(lot),
        tick_size=D(tick),
        min_quantity=D(lot),
        min_notional=D(minimum),
        max_limit_quantity=D("1e9"),
    )


def a_quote(symbol: str, price: str, *, age_s: int = 0) -> Quote:
    ask = D(price)
    return Quote(symbol=symbol, bid=ask * D("0.999"), ask=ask, last=ask, at=NOW - timedelta(seconds=age_s))


def a_candidate(name: str, weight: str, price: str, **rules: str) -> Candidate:
    symbol = f"{name}USDT"
    return Candidate(
        asset=name,
        symbol=symbol,
        weight=D(weight),
        instrument=an_instrument(symbol, **rules),
        quote=a_quote(symbol, price),
    )


def test_a_limit_price_is_the_end_of_the_band_on_the_tick_grid() -> None:
    quote = Quote(symbol="X", bid=D("99.99"), ask=D("100.00"), last=D(100), at=NOW)
    assert limit_price(quote, side=Side.BUY, band=D("0.01"), tick_size=D("0.3")) == D("100.8")
    assert limit_price(quote, side=Side.SELL, band=D("0.01"), tick_size=D("0.3")) == D("99.0")


def test_a_coarse_tick_never_makes_the_limit_worse_than_the_best_price() -> None:
    quote = Quote(symbol="X", bid=D("1.1"), ask=D("1.2"), last=D(1), at=NOW)
    assert limit_price(quote, side=Side.BUY, band=D("0.01"), tick_size=D(1)) == D("1.2")
    assert limit_price(quote, side=Side.SELL, band=D("0.01"), tick_size=D(1)) == D("1.1")


def test_flooring_leaves_money_that_goes_to_the_largest_shortfall_while_it_lasts() -> None:
    candidates = [a_candidate("AAA", "0.5", "10", lot="1"), a_candidate("BBB", "0.5", "7", lot="1")]
    basket = size_basket(candidates, amount=D(100), cap=D(1), rules=SizingRules(), now=NOW)
    # Limits 10.10 and 7.07: floors 4 and 7 cost 40.40 + 49.49; one more AAA would be 50.50 and still fit.
    assert [leg.quantity for leg in basket.legs] == [D(5), D(7)]
    assert basket.max_notional == D("99.99")


def test_a_leg_below_the_minimum_is_skipped_and_its_weight_spread_within_the_cap() -> None:
    candidates = [a_candidate("AAA", "0.60", "10"), a_candidate("BBB", "0.35", "10"), a_candidate("CCC", "0.05", "10")]
    basket = size_basket(candidates, amount=D(100), cap=D("0.62"), rules=SizingRules(), now=NOW)
    assert [leg.check for leg in basket.legs] == ["ok", "ok", "too_small"]
    assert [leg.effective_weight for leg in basket.legs] == [D("0.62"), D("0.38"), D(0)]


def test_the_refusal_names_the_smallest_amount_that_skips_nothing() -> None:
    candidates = [a_candidate("AAA", "0.8", "10"), a_candidate("BBB", "0.2", "10")]
    with pytest.raises(AmountTooSmall) as refusal:
        size_basket(candidates, amount=D(20), cap=D(1), rules=SizingRules(), now=NOW)
    minimum = D(refusal.value.context["minimum_amount"])
    basket = size_basket(candidates, amount=minimum, cap=D(1), rules=SizingRules(), now=NOW)
    assert [leg.check for leg in basket.legs] == ["ok", "ok"]
    with pytest.raises(AmountTooSmall):
        size_basket(candidates, amount=minimum - D("0.01"), cap=D(1), rules=SizingRules(), now=NOW)


def test_a_refusal_names_the_amount_from_which_the_index_can_be_bought_with_coins_left_out() -> None:
    weights = ("0.60", "0.37", "0.03")
    candidates = [a_candidate(name, weight, "10") for name, weight in zip("ABC", weights, strict=True)]
    with pytest.raises(AmountTooSmall) as refusal:
        size_basket(candidates, amount=D(5), cap=D(1), rules=SizingRules(), now=NOW)
    least, whole = (D(refusal.value.context[name]) for name in ("least_amount", "minimum_amount"))
    assert least < whole
    assert f"with {least} USDT or more" in refusal.value.detail
    basket = size_basket(candidates, amount=least, cap=D(1), rules=SizingRules(), now=NOW)
    assert [leg.check for leg in basket.legs] == ["ok", "ok", "too_small"]
    with pytest.raises(AmountTooSmall):
        size_basket(candidates, amount=least - D("0.01"), cap=D(1), rules=SizingRules(), now=NOW)
    capped = D("0.6")  # C's share has nowhere to go: A is at its cap, and the same is true of B
    with pytest.raises(AmountTooSmall) as refusal:
        size_basket(candidates[:1] + candidates[2:], amount=D(5), cap=capped, rules=SizingRules(), now=NOW)
    assert refusal.value.context["least_amount"] == refusal.value.context["minimum_amount"]


def test_spreading_that_would_break_the_cap_refuses_the_plan() -> None:
    candidates = [a_candidate(name, weight, "10") for name, weight in (("A", "0.5"), ("B", "0.45"), ("C", "0.05"))]
    with pytest.raises(AmountTooSmall):
        size_basket(candidates, amount=D(100), cap=D("0.5") - D("0.01"), rules=SizingRules(), now=NOW)


def test_an_old_price_buys_nothing() -> None:
    stale = Candidate(
        asset="A", symbol="AUSDT", weight=D(1), instrument=an_instrument("AUSDT"), quote=a_quote("AUSDT", "10", age_s=4)
    )
    with pytest.raises(NoFreshPrices):
        size_basket([stale], amount=D(100), cap=D(1), rules=SizingRules(), now=NOW)


def test_too_large_a_halted_share_is_named_and_waiting_for_prices_is_not_what_helps() -> None:
    halted = replace(a_candidate("B", "0.3", "10"), instrument=None)
    with pytest.raises(CoinsHalted) as refusal:
        size_basket([a_candidate("A", "0.7", "10"), halted], amount=D(100), cap=D(1), rules=SizingRules(), now=NOW)
    assert (refusal.value.code, refusal.value.context) == ("halted", {"symbols": ["BUSDT"]})
    assert "30 % of this index" in refusal.value.detail
    stale = replace(a_candidate("A", "0.7", "10"), quote=a_quote("AUSDT", "10", age_s=4))
    with pytest.raises(NoFreshPrices):
        size_basket([stale, halted], amount=D(100), cap=D(1), rules=SizingRules(), now=NOW)


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity", "1000000000001", "1.123456789"])
def test_a_senseless_amount_is_refused(amount: str) -> None:
    with pytest.raises(InvalidAmount):
        checked_amount(D(amount))


PRICES = st.decimals("0.00001", "90000", places=5)
LOTS = st.sampled_from(["1", "0.1", "0.01", "0.0001", "0.000001"])
TICKS = st.sampled_from(["0.00001", "0.0001", "0.01"])


@given(
    coins=st.lists(st.tuples(PRICES, LOTS, TICKS, st.integers(1, 1000)), min_size=1, max_size=12),
    amount=st.decimals("1", "100000", places=2),
)
@settings(max_examples=300, deadline=None)
def test_a_plan_never_spends_more_than_approved_and_buys_nothing_that_cannot_be_sold(
    coins: list[tuple[D, str, str, int]], amount: D
) -> None:
    values = {f"C{number}": D(coin[3]) for number, coin in enumerate(coins)}
    weights = capped_weights(values, cap=D(1))
    candidates = [
        a_candidate(name, str(weights[name]), str(coin[0]), lot=coin[1], tick=coin[2])
        for name, coin in zip(values, coins, strict=True)
    ]
    rules = SizingRules()
    try:
        basket = size_basket(candidates, amount=amount, cap=D(1), rules=rules, now=NOW)
    except (AmountTooSmall, AmountTooLarge):  # refused as a whole: more than one order of a coin may hold
        return
    assert sum(leg.quantity * leg.limit for leg in basket.legs) <= amount
    assert sum(leg.effective_weight for leg in basket.legs) == 1
    for leg in basket.legs:
        instrument = leg.candidate.instrument
        assert instrument is not None
        if leg.check != "ok":
            assert leg.quantity == 0
            continue
        assert leg.quantity == floor_to_lot(leg.quantity, lot_size=instrument.lot_size)
        assert leg.quantity * leg.price >= rules.minimum_factor * instrument.min_notional
        assert leg.price <= leg.limit <= leg.price * (1 + rules.band)


def test_a_line_remembers_the_mid_that_it_was_planned_at() -> None:
    candidates = [a_candidate("BTC", "0.5", "100"), a_candidate("ETH", "0.5", "10")]
    basket = size_basket(candidates, amount=D(1000), cap=D(1), rules=SizingRules(), now=NOW)
    lines = buy_lines(basket, fee_rate=D("0.001"), quote_asset="USDT", now=NOW)
    assert [line.arrival_price for line in lines] == [D("99.95"), D("9.995")], "halfway from 99.9 to 100"


def test_a_top_20_of_which_three_legs_fall_short_names_the_amount_spreads_the_weight_and_sets_no_target_for_them() -> (
    None
):
    # Seventeen coins of 5.7 % and three of about 1 %: a leg of 1 % needs some 650 USDT, three of them are 3.1 %.
    weights = {f"C{number:02}": D("0.057") for number in range(17)} | {
        "X1": D("0.011"),
        "X2": D("0.01"),
        "X3": D("0.01"),
    }
    assert sum(weights.values()) == 1
    candidates = [a_candidate(name, str(weight), "10") for name, weight in weights.items()]
    basket = size_basket(candidates, amount=D(500), cap=D("0.06"), rules=SizingRules(), now=NOW)
    short = [leg for leg in basket.legs if leg.check == "too_small"]
    assert [leg.candidate.asset for leg in short] == ["X1", "X2", "X3"]
    works = max(leg.required_amount or D(0) for leg in short)
    assert basket.minimum_amount == works == D("656.50"), "0.65 coins at the limit of 10.10 are 1 % of it"
    assert all(leg.effective_weight == 0 for leg in short), "no target, so no drift"
    kept = {leg.candidate.symbol: leg.candidate.weight for leg in basket.legs if leg.check == "ok"}
    assert {leg.candidate.symbol: leg.effective_weight for leg in basket.legs if leg.check == "ok"} == capped_weights(
        kept, cap=D("0.06")
    )
    whole = size_basket(candidates, amount=works, cap=D("0.06"), rules=SizingRules(), now=NOW)
    assert {leg.check for leg in whole.legs} == {"ok"}
