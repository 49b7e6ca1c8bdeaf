"""Coins whose order book is too thin: left out by the rule of too small ones, bought once it is deep, never forgotten."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from kit.execution_counter import Counter
from kit.execution_shop import DEEP, Shop, checks

from execution.application.accepting import new_legs
from execution.domain.errors import BookTooThin, InsufficientBalance
from execution.domain.plan import Mode, Plan, PlanLine
from execution.domain.position import RunKind
from execution.domain.settling import settle_close
from shared.trading.errors import PlatformError, Unavailable
from shared.trading.policy import LegPolicy
from shared.trading.status import LegStatus, Side

D = Decimal


@pytest.fixture
def shop(counter: Counter) -> Shop:
    return Shop(counter)


def of(plan: Plan, asset: str) -> PlanLine:
    return next(line for line in plan.legs if line.base_asset == asset)


async def test_an_illiquid_coin_leaves_its_weight_to_the_others_and_says_which_amount_would_work(shop: Shop) -> None:
    shop.asks["CCC"] = "0.2"  # of 0.08 × 1000 ÷ 101 = 0.792
    plan = await shop.buy()
    left_out = of(plan, "CCC")
    assert (left_out.check, left_out.reason, left_out.quantity) == ("illiquid", "book_too_thin", D(0))
    assert left_out.effective_weight == 0
    weights = {asset: of(plan, asset).effective_weight for asset in ("AAA", "BBB")}
    assert weights == {"AAA": D("0.652173913044"), "BBB": D("0.347826086956")}, "0.6 and 0.32 of 0.92, within the cap"
    assert sum(weights.values()) == 1
    assert left_out.book_notional == D("20.1")
    assert left_out.largest_amount == D("252.52"), "1000 × 0.2 ÷ 0.792"
    [sentence] = plan.warnings
    assert "its order book holds 20.1 USDT within the limit (up to 252.52 USDT it fills)" in sentence
    assert sentence.startswith("CCCUSDT is left out")
    assert sentence.endswith("its 8 % are spread over the rest.")
    works = await shop.buy("252.52")
    assert set(checks(works).values()) == {"ok"}
    assert works.warnings == []


async def test_a_coin_that_was_left_out_is_no_target_and_is_bought_once_its_book_is_deep(shop: Shop) -> None:
    shop.asks["CCC"] = "0.2"
    plan = await shop.buy()
    position_id = await shop.takes(plan)
    held = [one for (owner, _), one in shop.counter.state.holdings_.items() if owner == position_id]
    targets = {one.asset: one.target_weight for one in held}
    assert targets == {asset: of(plan, asset).effective_weight for asset in ("AAA", "BBB")}, "nothing to drift from"
    assert sum(targets.values()) == 1
    shop.holds(AAA="6.522", BBB="3.478")
    waits = await shop.run(RunKind.REBALANCE)
    assert (checks(waits), waits.executable) == ({"AAA": "hold", "BBB": "hold", "CCC": "illiquid"}, False)
    assert of(waits, "CCC").effective_weight == 0, "not even a plan makes a target of it"
    assert waits.drift_before is not None
    assert waits.drift_before < D("0.0001")
    shop.asks["CCC"] = DEEP
    later = await shop.run(RunKind.REBALANCE)
    assert (of(later, "CCC").check, of(later, "CCC").side) == ("ok", Side.BUY)
    assert of(later, "CCC").effective_weight == D("0.08")
    drifted = await shop.run(RunKind.REBALANCE, mode=Mode.DRIFTED)
    sides = {line.base_asset: line.side for line in drifted.to_send}
    assert sides == {"AAA": Side.SELL, "BBB": Side.SELL, "CCC": Side.BUY}, "missing altogether is outside every band"
    fresh = await shop.run(RunKind.INVEST, "100")
    assert of(fresh, "CCC").check == "ok"


async def test_more_than_a_tenth_of_the_index_is_not_left_out_but_refused_with_what_works(shop: Shop) -> None:
    shop.asks["BBB"] = "1"  # of 0.32 × 1000 ÷ 101 = 3.168
    with pytest.raises(BookTooThin) as refused:
        await shop.buy()
    assert refused.value.context == {"symbols": ["BBBUSDT"], "largest_amount": "315.65"}
    assert "32 % of this index" in refused.value.detail
    assert set(checks(await shop.buy("315.65")).values()) == {"ok"}
    patient = await shop.buy(policy=LegPolicy.COMPLETE)
    assert set(checks(patient).values()) == {"ok"}, "what is tried again is only warned of"
    assert ["BBBUSDT" in warning for warning in patient.warnings] == [True]
    shop.asks["BBB"] = "0"
    with pytest.raises(BookTooThin) as nothing:
        await shop.buy()
    assert nothing.value.context["largest_amount"] is None


async def test_more_than_the_account_has_is_refused_as_that_whatever_the_books_hold(shop: Shop) -> None:
    shop.asks["BBB"] = "1"
    with pytest.raises(InsufficientBalance) as refused:
        await shop.buy("10000000")
    assert D(refused.value.context["available"]) < D("10000000")


async def test_weight_that_is_spread_may_be_too_much_for_the_next_book(shop: Shop) -> None:
    shop.asks |= {"CCC": "0.2", "BBB": "1.6"}  # BBB: half of 3.168, less than half of 3.443
    with pytest.raises(BookTooThin) as refused:
        await shop.buy()
    assert refused.value.context["symbols"] == ["BBBUSDT", "CCCUSDT"]


@pytest.mark.parametrize("why", [Unavailable("market-data is silent."), PlatformError("Something of its own.")])
async def test_a_plan_is_made_without_books_that_nobody_tells_and_says_so(shop: Shop, why: PlatformError) -> None:
    seen = await shop.buy()
    shop.away = why
    plan = await shop.buy()
    assert checks(plan) == checks(seen)
    assert {line.book_price for line in plan.legs} == {None}
    assert plan.slippage == 0, "by the best price: the mid here"
    assert seen.slippage > 0
    assert plan.warnings == [
        "Order books not seen: AAAUSDT, BBBUSDT, CCCUSDT. What they cost is estimated at the best prices."
    ]


async def test_a_plan_that_was_shown_is_bought_without_another_look(shop: Shop) -> None:
    plan = await shop.buy()
    looks, shop.asks["CCC"] = shop.looks, "0"
    await shop.takes(plan)
    assert shop.looks == looks
    assert {leg.status for leg in shop.counter.state.legs_of_run(plan.plan_id)} == {LegStatus.PLANNED}


async def test_a_close_names_the_coin_that_nobody_buys_and_sells_the_rest(shop: Shop) -> None:
    shop.holds(AAA="6", BBB="3", CCC="1")
    shop.bids |= {"CCC": "0", "BBB": "1"}
    plan = await shop.close()
    assert checks(plan) == {"AAA": "ok", "BBB": "ok", "CCC": "illiquid"}
    assert plan.executable
    assert plan.warnings == [
        "The order book takes only 33.3 % of the order for BBBUSDT within the limit now (99.5 USDT): the rest may not fill.",
        "CCCUSDT is left out: its order book takes 0 USDT of it within the limit now.",
    ]
    run = shop.counter.a_run(RunKind.CLOSE)
    legs = new_legs(run, plan.legs, shop.counter.ids)
    ended = [
        leg if leg.status is LegStatus.SKIPPED else replace(leg, status=LegStatus.FILLED, filled_quantity=leg.quantity)
        for leg in legs
    ]
    left = [replace(one, quantity=D(0)) for one in shop.counter.state.holdings_.values() if one.asset in {"AAA", "BBB"}]
    [unsold] = [one for one in shop.counter.state.holdings_.values() if one.asset == "CCC"]
    settled = settle_close(ended, [*left, unsold])
    assert (settled.blocked_reason, settled.residuals) == ("CCCUSDT:book_too_thin", {}), "held on to, and told"


async def test_money_that_is_taken_out_comes_from_coins_that_somebody_buys(shop: Shop) -> None:
    shop.holds(AAA="6", BBB="3", CCC="1")
    usual = await shop.run(RunKind.WITHDRAW, "100")
    shop.bids["CCC"] = "0"
    plan = await shop.run(RunKind.WITHDRAW, "100")
    assert of(plan, "CCC").check == "illiquid"
    assert of(plan, "CCC").side is Side.SELL
    assert of(plan, "CCC").effective_weight > 0, "what is held stays a target"
    assert plan.total(Side.SELL) >= D(100)
    assert abs(plan.total(Side.SELL) - usual.total(Side.SELL)) < D(1)
    assert any("CCC is not sold now" in warning for warning in plan.warnings)
    shop.bids |= {"AAA": "0", "BBB": "0"}
    nobody = await shop.run(RunKind.WITHDRAW, "100")
    assert not nobody.executable, "shown with its reasons, not refused without them"
    assert "illiquid" in checks(nobody).values()


async def test_money_that_is_put_in_goes_to_the_others_or_is_refused_where_there_are_none(shop: Shop) -> None:
    shop.holds(AAA="6", BBB="3")
    shop.asks["CCC"] = "0.2"
    plan = await shop.run(RunKind.INVEST, "500")
    assert of(plan, "CCC").check == "illiquid"
    assert of(plan, "CCC").effective_weight == 0
    assert plan.total(Side.BUY) > D(480)
    assert (
        "CCC is not bought now: its order book takes 20.1 USDT of it within the limit. Try again later."
        in plan.warnings
    )
    shop.asks |= {"AAA": "0", "BBB": "0"}
    with pytest.raises(BookTooThin) as refused:
        await shop.run(RunKind.INVEST, "500")
    assert refused.value.context["symbols"] == ["AAAUSDT", "BBBUSDT", "CCCUSDT"]
