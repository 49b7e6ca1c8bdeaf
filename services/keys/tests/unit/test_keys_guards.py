"""Halts and limits: what they stop, and what never."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.domain.allowance import CountDown, PlanCeiling
from keys.domain.errors import HaltRefused, LimitReached, LimitsRefused, PriceTooOld, SlippageBeyondLimit, TradingHalted
from keys.domain.guards import Cap, Guards, Spent, StoredGuards, first_slots, slippage_bps, slot_of
from keys.domain.halts import Extent, Halt, HaltScope
from keys.domain.limits import DEFAULT_LIMITS, OwnLimits, PlatformLimits
from keys.domain.orders import OrderTerms
from shared.trading.link_id import LinkId
from shared.trading.status import Side, VenueEnvironment

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ADA, OPERATOR = UUID(int=1), UUID(int=9)
LIMITS = PlatformLimits(
    order_max=Decimal(1000),
    hour_max=Decimal(5000),
    day_max=Decimal(8000),
    slippage_bps_max=Decimal(150),
    price_age_s_max=Decimal(60),
    total_hour_max=Decimal(100_000),
    total_day_max=Decimal(200_000),
)


def an_order(
    *, side: Side = Side.BUY, symbol: str = "BTCUSDT", quantity: str = "1", price: str = "100", leg: int = 0
) -> OrderTerms:
    link = LinkId(environment=VenueEnvironment.PAPER, position=1, run=2, leg=leg, attempt=0)
    return OrderTerms(
        link=link,
        link_text=link.encode(b"k"),
        symbol=symbol,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
    )


def a_halt(
    *,
    extent: Extent = Extent.OPENING,
    user_id: UUID | None = None,
    symbol: str | None = None,
    by_operator: bool = True,
    reason: str = "The venue behaves oddly.",
) -> Halt:
    return Halt(
        halt_id=UUID(int=7),
        user_id=user_id,
        symbol=symbol,
        extent=extent,
        reason=reason,
        by_operator=by_operator,
        raised_by=OPERATOR if by_operator else ADA,
        raised_at=NOW,
    )


def the_guards(*halts: Halt, own: OwnLimits | None = None, limits: PlatformLimits = LIMITS) -> Guards:
    return Guards.of(
        StoredGuards(halts=halts, own=own),
        environment=VenueEnvironment.PAPER,
        user_id=ADA,
        account_hash=b"\x01\x02",
        default=limits,
    )


def counted(*orders: OrderTerms, reference: str | None = None, priced_at: datetime | None = None) -> CountDown:
    ceilings = {
        (order.symbol, order.side): PlanCeiling(
            symbol=order.symbol,
            side=order.side,
            max_quantity=Decimal(1000),
            max_notional=Decimal(1_000_000),
            reference_price=None if reference is None else Decimal(reference),
            priced_at=priced_at,
        )
        for order in orders
    }
    return CountDown(ceilings={orders[0].run: ceilings}, fresh=orders)


def test_opening_only_stops_buys_and_lets_sales_through() -> None:
    guards = the_guards(a_halt())
    with pytest.raises(TradingHalted) as refusal:
        guards.check_halts([an_order(side=Side.SELL), an_order()])
    assert refusal.value.context == {
        "scope": "platform",
        "extent": "opening",
        "reason": "The venue behaves oddly.",
    }
    guards.check_halts([an_order(side=Side.SELL)])


def test_a_halt_of_everything_stops_sales_too() -> None:
    with pytest.raises(TradingHalted):
        the_guards(a_halt(extent=Extent.ALL)).check_halts([an_order(side=Side.SELL)])


def test_a_halted_symbol_stops_that_symbol_and_is_named() -> None:
    guards = the_guards(a_halt(symbol="LUNAUSDT"))
    guards.check_halts([an_order()])
    with pytest.raises(TradingHalted) as refusal:
        guards.check_halts([an_order(), an_order(symbol="LUNAUSDT", leg=1)])
    assert refusal.value.context["symbol"] == "LUNAUSDT"
    assert refusal.value.context["scope"] == "symbol"


def test_a_halt_says_whom_it_stops() -> None:
    assert a_halt().scope is HaltScope.PLATFORM
    assert a_halt(symbol="BTCUSDT").scope is HaltScope.SYMBOL
    assert a_halt(user_id=ADA, symbol="BTCUSDT").scope is HaltScope.USER


def test_a_user_cannot_release_what_an_operator_threw() -> None:
    thrown = a_halt(user_id=ADA)
    with pytest.raises(HaltRefused) as refusal:
        thrown.released(NOW, by=ADA, reason="", as_operator=False)
    assert refusal.value.code == "halt_of_an_operator"
    own = a_halt(user_id=ADA, by_operator=False, reason="").checked()
    assert own.released(NOW, by=ADA, reason="", as_operator=False).released_at == NOW


@pytest.mark.parametrize("reason", ["", "too short", "x" * 501, "hidden \x07 characters here"])
def test_an_operator_writes_a_reason_that_can_be_read(reason: str) -> None:
    with pytest.raises(HaltRefused):
        a_halt(reason=reason).checked()


def test_own_limits_can_only_be_stricter() -> None:
    OwnLimits(hour_max=Decimal(5000), order_max=Decimal(1)).check(LIMITS)
    for looser in (OwnLimits(hour_max=Decimal("5000.01")), OwnLimits(order_max=Decimal(0))):
        with pytest.raises(LimitsRefused):
            looser.check(LIMITS)
    # What was stricter once does not become looser when the operator tightens.
    tightened = replace(LIMITS, hour_max=Decimal(10))
    assert OwnLimits(hour_max=Decimal(4000)).within(tightened).hour_max == Decimal(10)


def test_an_order_above_the_largest_one_is_refused_and_the_limit_named() -> None:
    the_guards().reserve(counted(an_order(quantity="10")), now=NOW)
    with pytest.raises(LimitReached) as refusal:
        the_guards().reserve(counted(an_order(quantity="10.0001")), now=NOW)
    assert refusal.value.context["limit"] == "order"
    assert refusal.value.context["maximum"] == "1000"
    assert refusal.value.context["symbol"] == "BTCUSDT"


def test_sales_and_orders_that_were_signed_before_use_up_nothing() -> None:
    assert the_guards().reserve(counted(an_order(side=Side.SELL, quantity="1000")), now=NOW) is None
    assert the_guards().reserve(CountDown(), now=NOW) is None


def test_a_call_counts_for_its_account_its_user_and_all() -> None:
    own = OwnLimits(hour_max=Decimal(300))
    held = the_guards(own=own).reserve(counted(an_order(), an_order(symbol="ETHUSDT", leg=1)), now=NOW)
    assert held is not None
    assert held.amount == Decimal(200)
    assert [(cap.scope, cap.hour_max) for cap in held.caps] == [
        ("account:0102", Decimal(300)),
        (f"user:{ADA}", Decimal(300)),
        ("platform", Decimal(100_000)),
    ]
    with pytest.raises(LimitReached):
        the_guards(own=own).reserve(counted(*(an_order(symbol=f"C{n}USDT", leg=n) for n in range(4))), now=NOW)


def test_slippage_is_measured_from_the_price_that_the_plan_showed() -> None:
    assert slippage_bps(Decimal("101.5"), reference=Decimal(100)) == Decimal(150)
    assert slippage_bps(Decimal(99), reference=Decimal(100)) == Decimal(-100)
    the_guards().reserve(counted(an_order(price="101.5"), reference="100"), now=NOW)
    with pytest.raises(SlippageBeyondLimit):
        the_guards().reserve(counted(an_order(price="101.5001"), reference="100"), now=NOW)


def test_a_plans_price_may_only_be_so_old() -> None:
    the_guards().reserve(counted(an_order(), priced_at=NOW - timedelta(seconds=60)), now=NOW)
    with pytest.raises(PriceTooOld):
        the_guards().reserve(counted(an_order(), priced_at=NOW - timedelta(seconds=60.5)), now=NOW)


def test_what_is_left_is_told() -> None:
    cap = Cap(scope="user:x", hour_max=Decimal(100), day_max=Decimal(150))
    Guards.check_room(Decimal(40), cap, Spent(scope="user:x", hour=Decimal(60), day=Decimal(110)))
    with pytest.raises(LimitReached) as refusal:
        Guards.check_room(Decimal(41), cap, Spent(scope="user:x", hour=Decimal(20), day=Decimal(110)))
    assert (refusal.value.context["limit"], refusal.value.context["left"]) == ("day", "40")


@given(seconds=st.integers(min_value=0, max_value=86_399), start=st.integers(min_value=0, max_value=10**9))
def test_a_window_is_never_shorter_than_its_name(seconds: int, start: int) -> None:
    before, now = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(start + seconds, UTC)
    hour_from, day_from = first_slots(slot_of(now))
    assert slot_of(before) >= day_from
    assert seconds >= 3600 or slot_of(before) >= hour_from


def test_defaults_make_sense_everywhere() -> None:
    for environment in VenueEnvironment:
        DEFAULT_LIMITS[environment].check()
    live, paper = DEFAULT_LIMITS[VenueEnvironment.MAINNET], DEFAULT_LIMITS[VenueEnvironment.PAPER]
    assert live.day_max < paper.day_max
