"""A plan says what the signer would refuse, which limit it is, and what would work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from execution.domain.plan import Plan, PlanLine
from execution.domain.position import RunKind
from execution.domain.trading_room import Stop, TradingRoom
from shared.trading.money import ZERO
from shared.trading.status import Side, VenueEnvironment

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_line(symbol: str = "BTCUSDT", *, quantity: str = "1", side: Side = Side.BUY, check: str = "ok") -> PlanLine:
    return PlanLine(
        number=0,
        symbol=symbol,
        base_asset=symbol.removesuffix("USDT"),
        quote_asset="USDT",
        side=side,
        target_weight=Decimal("0.5"),
        effective_weight=Decimal("0.5"),
        quantity=Decimal(quantity),
        estimated_price=Decimal(100),
        limit_price=Decimal(101),
        fee=Decimal("0.1"),
        fee_asset="USDT",
        price_at=NOW,
        check=check,
    )


def a_plan(*lines: PlanLine, kind: RunKind = RunKind.BUY) -> Plan:
    return Plan(
        plan_id=UUID(int=1),
        user_id=UUID(int=2),
        account_id=UUID(int=3),
        environment=VenueEnvironment.PAPER,
        kind=kind,
        index_id="top-10",
        index_version=1,
        amount=Decimal(1000),
        legs=list(lines),
        available=Decimal(1000),
        minimum_amount=ZERO,
        price_band=Decimal("0.01"),
        fee_rate=Decimal("0.001"),
        created_at=NOW,
        expires_at=NOW + timedelta(seconds=60),
    )


def a_room(*stops: Stop, order_max: str = "1000", room: str = "1000", bps: str = "100") -> TradingRoom:
    return TradingRoom(
        stops=stops,
        order_max=Decimal(order_max),
        slippage_bps_max=Decimal(bps),
        room=Decimal(room),
        room_limit="hour",
        room_max=Decimal(5000),
    )


def checks(plan: Plan) -> list[tuple[str, str | None]]:
    return [(line.check, line.reason) for line in plan.legs]


def test_a_plan_within_everything_stays_as_it_is() -> None:
    plan = a_plan(a_line(), a_line("ETHUSDT"))
    assert a_room(room="202").guard(plan) is plan


def test_while_buying_is_halted_no_buy_is_planned_and_the_plan_says_so() -> None:
    plan = a_room(Stop(symbol=None, everything=False, reason="Odd prices.")).guard(a_plan(a_line(), a_line("ETHUSDT")))
    assert checks(plan) == [("halted", "trading_halted")] * 2
    assert plan.to_send == []
    assert not plan.executable
    assert plan.warnings == ["Buying is halted: Odd prices."]
    assert plan.total_notional == ZERO


def test_selling_goes_on_unless_everything_is_halted() -> None:
    plan = a_plan(a_line(side=Side.SELL), kind=RunKind.CLOSE)
    assert a_room(Stop(symbol=None, everything=False, reason="")).guard(plan) is plan
    stopped = a_room(Stop(symbol=None, everything=True, reason="")).guard(plan)
    assert checks(stopped) == [("halted", "trading_halted")]
    assert stopped.warnings == ["Trading is halted: by you"]


def test_a_halted_symbol_is_left_out_whether_it_was_sized_or_not() -> None:
    room = a_room(Stop(symbol="LUNAUSDT", everything=False, reason="Delisting."))
    plan = room.guard(a_plan(a_line(), a_line("LUNAUSDT"), a_line("LUNAUSDT", quantity="0", check="not_trading")))
    assert checks(plan) == [("ok", None), ("halted", "trading_halted"), ("halted", "trading_halted")]
    assert plan.executable
    assert plan.warnings == ["Buying LUNAUSDT is halted: Delisting."]


def test_an_order_over_its_limit_blocks_the_whole_purchase_and_names_what_works() -> None:
    plan = a_room(order_max="202").guard(a_plan(a_line(quantity="4"), a_line("ETHUSDT", quantity="1")))
    assert checks(plan) == [("over_limit", "order_limit")] * 2
    # 505 in all, 404 of it in one order: half of it keeps to the limit.
    assert plan.warnings == [
        "BTCUSDT is over the limit of 202 USDT per coin (one order); buying for at most 252.5 USDT works."
    ]


def test_a_plan_over_the_hour_says_what_is_left_of_it() -> None:
    plan = a_room(room="201.99").guard(a_plan(a_line(), a_line("ETHUSDT")))
    assert checks(plan) == [("over_limit", "hour_limit")] * 2
    assert plan.warnings == [
        "The plan is over the limit of 5000 USDT for an hour, of which 201.99 is left: at most that works now."
    ]


def test_a_band_wider_than_the_slippage_limit_is_told_in_the_plan() -> None:
    assert checks(a_room(bps="99.99").guard(a_plan(a_line()))) == [("over_limit", "slippage_limit")]
    assert checks(a_room(bps="100").guard(a_plan(a_line()))) == [("ok", None)]


def test_sells_that_pay_for_blocked_buys_wait_too() -> None:
    plan = a_room(room="1").guard(a_plan(a_line(side=Side.SELL), a_line("ETHUSDT")))
    assert checks(plan) == [("over_limit", "buys_blocked"), ("over_limit", "hour_limit")]
