from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from execution.application.linking import Linking
from execution.domain.fill import Fill, after_fill
from execution.domain.journal import LedgerAccount, fill_lines, imbalance, residual_lines
from execution.domain.leg import Leg
from execution.domain.position import PositionHolding
from execution.domain.settling import settle_buy, settle_close
from shared.trading.holding import Holding
from shared.trading.link_id import LinkId
from shared.trading.status import LegStatus, PositionStatus, Side, VenueEnvironment

D = Decimal
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_fill(side: Side, *, quantity: str, price: str, fee: str, fee_asset: str = "") -> Fill:
    return Fill(
        account_id=UUID(int=1),
        exec_id=f"{side}{quantity}{price}",
        user_id=UUID(int=2),
        position_id=UUID(int=3),
        leg_id=UUID(int=4),
        run_id=UUID(int=5),
        symbol="BTCUSDT",
        base_asset="BTC",
        quote_asset="USDT",
        side=side,
        price=D(price),
        quantity=D(quantity),
        fee=D(fee),
        fee_asset=fee_asset or ("BTC" if side is Side.BUY else "USDT"),
        at=NOW,
        client_order_id="link",
        venue_order_id="v",
        booked_at=NOW,
    )


def a_leg(
    status: LegStatus, *, symbol: str = "BTCUSDT", filled: str = "0", side: Side = Side.BUY, **changes: object
) -> Leg:
    values: dict[str, object] = {
        "leg_id": uuid4(),
        "user_id": UUID(int=2),
        "account_id": UUID(int=1),
        "position_id": UUID(int=3),
        "run_id": UUID(int=5),
        "number": 0,
        "symbol": symbol,
        "base_asset": symbol.removesuffix("USDT"),
        "quote_asset": "USDT",
        "side": side,
        "status": status,
        "target_weight": D("0.5"),
        "quantity": D(1),
        "limit_price": D(100),
        "filled_quantity": D(filled),
        "lot_size": D("0.01"),
        "min_quantity": D("0.01"),
        "min_notional": D(5),
    }
    return Leg(**{**values, **changes})  # type: ignore[arg-type]


def a_holding(quantity: str, asset: str = "BTC") -> PositionHolding:
    return PositionHolding(
        position_id=UUID(int=3),
        user_id=UUID(int=2),
        account_id=UUID(int=1),
        asset=asset,
        symbol=f"{asset}USDT",
        target_weight=D("0.5"),
        quantity=D(quantity),
        cost=D(10),
    )


def test_the_golden_round_trip_of_the_design() -> None:
    bought = after_fill(Holding(), a_fill(Side.BUY, quantity="1", price="100", fee="0.001"))
    assert bought.quantity == D("0.999")
    sold = after_fill(bought, a_fill(Side.SELL, quantity="0.999", price="100", fee="0.0999"))
    assert sold.realised == D("-0.1999")
    assert sold.quantity == 0
    assert sold.cost == 0


PIECES = st.lists(st.integers(1, 500), min_size=1, max_size=8)


@given(pieces=PIECES)
def test_profit_and_loss_do_not_depend_on_how_fills_are_split(pieces: list[int]) -> None:
    total = sum(pieces)

    def round_trip(parts: list[int]) -> Holding:
        holding = Holding()
        for part in parts:
            quantity = D(part) / 1000
            fill = a_fill(Side.BUY, quantity=str(quantity), price="97.31", fee=str(quantity / 1000))
            holding = after_fill(holding, fill)
        held = holding.quantity
        for part in parts:
            quantity = held * part / total
            fill = a_fill(Side.SELL, quantity=str(quantity), price="99.7", fee=str(quantity * D("0.0997")))
            holding = after_fill(holding, fill)
        return holding

    whole, split = round_trip([total]), round_trip(pieces)
    assert abs(whole.realised - split.realised) < D("1e-20")


@given(
    side=st.sampled_from(list(Side)),
    quantity=st.decimals("0.0001", "1000", places=4),
    price=st.decimals("0.01", "90000", places=2),
    fee_asset=st.sampled_from(["BTC", "USDT", "MNT"]),
)
def test_every_entry_sums_to_zero_in_each_asset(side: Side, quantity: D, price: D, fee_asset: str) -> None:
    fill = a_fill(side, quantity=str(quantity), price=str(price), fee="0.123", fee_asset=fee_asset)
    lines = fill_lines(fill)
    assert imbalance(lines) == {}
    held = sum(line.amount for line in lines if line.ledger is LedgerAccount.POSITION and line.asset == "BTC")
    base_fee = D("0.123") if fee_asset == "BTC" else D(0)
    assert held == (quantity if side is Side.BUY else -quantity) - base_fee


def test_a_residual_leaves_the_position_for_the_users_own_coins() -> None:
    lines = residual_lines(
        user_id=UUID(int=2),
        account_id=UUID(int=1),
        position_id=UUID(int=3),
        source="run",
        asset="BTC",
        quantity=D("0.004"),
        at=NOW,
    )
    assert imbalance(lines) == {}
    assert {line.ledger: line.amount for line in lines} == {
        LedgerAccount.POSITION: D("-0.004"),
        LedgerAccount.UNASSIGNED: D("0.004"),
    }


def test_a_hundred_runs_on_one_position_never_repeat_a_link_id() -> None:
    linking = Linking(bytes(16))
    position = uuid4()
    seen: set[str] = set()
    for _ in range(100):
        run = uuid4()
        for number in range(20):
            leg = a_leg(LegStatus.PLANNED, position_id=position, run_id=run, number=number)
            for attempt in range(3):
                link = linking.link(VenueEnvironment.PAPER, leg, attempt)
                assert len(link) <= 36
                assert link not in seen
                assert linking.ours(link)
                seen.add(link)
    assert len(seen) == 100 * 20 * 3
    some = LinkId.decode(next(iter(seen)), bytes(16))
    assert some.position == position.int & ((1 << 80) - 1)
    assert not linking.ours(next(iter(seen))[:-1] + "!")


def test_a_buy_settles_active_and_complete_when_every_wanted_leg_filled() -> None:
    settlement = settle_buy([a_leg(LegStatus.FILLED, filled="1"), a_leg(LegStatus.SKIPPED, symbol="XUSDT")])
    assert settlement.status is PositionStatus.ACTIVE
    assert settlement.complete


def test_hold_keeps_what_filled_and_names_what_is_missing() -> None:
    settlement = settle_buy(
        [a_leg(LegStatus.FILLED, filled="1"), a_leg(LegStatus.CANCELLED, symbol="XUSDT", reason="price_band")]
    )
    assert settlement.status is PositionStatus.ACTIVE
    assert not settlement.complete
    assert settlement.reasons == ("XUSDT:price_band",)


def test_a_run_that_bought_nothing_fails() -> None:
    settlement = settle_buy([a_leg(LegStatus.REJECTED, reason="venue_170131")])
    assert settlement.status is PositionStatus.FAILED


def test_a_leg_that_needs_a_person_settles_the_position_incomplete_but_never_failed() -> None:
    settlement = settle_buy([a_leg(LegStatus.NEEDS_ATTENTION)])
    assert settlement.status is PositionStatus.ACTIVE
    assert not settlement.complete


def test_a_close_moves_dust_to_the_users_coins_and_closes() -> None:
    leg = a_leg(LegStatus.FILLED, side=Side.SELL, filled="1")
    settlement = settle_close([leg], [a_holding("0.04")])
    assert settlement.status is PositionStatus.CLOSED
    assert settlement.residuals == {"BTC": D("0.04")}


def test_a_close_that_could_not_sell_goes_back_to_active_with_its_reason() -> None:
    leg = a_leg(LegStatus.CANCELLED, side=Side.SELL, reason="price_band")
    settlement = settle_close([leg], [a_holding("1")])
    assert settlement.status is PositionStatus.ACTIVE
    assert settlement.blocked_reason == "BTCUSDT:price_band"
    assert settlement.residuals == {}
