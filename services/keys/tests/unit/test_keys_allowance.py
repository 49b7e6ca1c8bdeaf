"""Whatever is asked, in whatever order: what is signed stays within what the user approved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.domain.allowance import Market, PlanCeiling, RunAllowance, RunTails, count_down
from keys.domain.errors import ApprovalExpired, CeilingExceeded, CeilingMissing, LinkIdRefused, PriceBeyondPlan
from keys.domain.orders import OrderTerms
from shared.trading.errors import Denied
from shared.trading.link_id import LinkId
from shared.trading.status import Side, VenueEnvironment

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEY_ID = UUID(int=5)


def an_order(
    *,
    leg: int = 0,
    attempt: int = 0,
    symbol: str = "BTCUSDT",
    side: Side = Side.BUY,
    quantity: str = "1",
    price: str = "100",
) -> OrderTerms:
    link = LinkId(environment=VenueEnvironment.PAPER, position=1, run=2, leg=leg, attempt=attempt)
    return OrderTerms(
        link=link,
        link_text=link.encode(b"k"),
        symbol=symbol,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
    )


class Signer:
    """Signs orders one call after the other, as the service does it, and remembers what it gave away."""

    def __init__(
        self,
        *ceilings: PlanCeiling,
        expires_at: datetime = NOW + timedelta(seconds=60),
        amount: str | None = None,
    ) -> None:
        markets = {(ceiling.symbol, ceiling.side): ceiling for ceiling in ceilings}
        approved = None if amount is None else Decimal(amount)
        run = RunAllowance(expires_at=expires_at, ceilings=markets, approved_amount=approved)
        self.allowances: dict[RunTails, RunAllowance] = {(1, 2): run}
        self.signed: dict[str, bytes] = {}
        self.orders: dict[str, OrderTerms] = {}

    def sign(self, *orders: OrderTerms, now: datetime = NOW) -> None:
        counted = count_down(orders, key_id=KEY_ID, allowances=self.allowances, signed=self.signed, now=now)
        for run, ceilings in counted.ceilings.items():
            known = self.allowances[run]
            self.allowances[run] = replace(known, ceilings={**known.ceilings, **ceilings})
        self.signed |= {order.link_text: order.fingerprint(KEY_ID) for order in counted.fresh}
        self.orders |= {order.link_text: order for order in orders}


def a_ceiling(
    *,
    side: Side = Side.BUY,
    symbol: str = "BTCUSDT",
    quantity: str = "2",
    notional: str = "200",
    limit: str | None = None,
) -> PlanCeiling:
    return PlanCeiling(
        symbol=symbol,
        side=side,
        max_quantity=Decimal(quantity),
        max_notional=Decimal(notional),
        limit_price=None if limit is None else Decimal(limit),
    )


def test_orders_are_signed_up_to_the_ceiling_and_no_further() -> None:
    signer = Signer(a_ceiling())
    signer.sign(an_order(leg=0), an_order(leg=1))
    with pytest.raises(CeilingExceeded) as refusal:
        signer.sign(an_order(leg=2, quantity="0.000001"))
    assert refusal.value.context["quantity_left"] == "0"


def test_a_buy_is_bound_by_its_notional_too_and_a_sell_is_not() -> None:
    with pytest.raises(CeilingExceeded):
        Signer(a_ceiling()).sign(an_order(quantity="1", price="200.01"))
    Signer(a_ceiling(side=Side.SELL)).sign(an_order(side=Side.SELL, quantity="2", price="5000"))


def test_no_buy_is_signed_above_the_plans_price_and_no_sell_below_it() -> None:
    signer = Signer(a_ceiling(limit="100"), a_ceiling(side=Side.SELL, limit="100"))
    for side, price in ((Side.BUY, "100.01"), (Side.SELL, "99.99")):
        with pytest.raises(PriceBeyondPlan) as refusal:
            signer.sign(an_order(side=side, price=price, quantity="0.1"))
        assert refusal.value.context["limit_price"] == "100"
    for leg, side, price in (
        (0, Side.BUY, "100"),
        (1, Side.BUY, "1"),
        (2, Side.SELL, "100"),
        (3, Side.SELL, "5000"),
    ):
        signer.sign(an_order(leg=leg, side=side, price=price, quantity="0.1"))


def test_all_buys_of_a_run_together_stay_within_the_approved_amount() -> None:
    signer = Signer(a_ceiling(), a_ceiling(symbol="ETHUSDT"), a_ceiling(side=Side.SELL), amount="250")
    signer.sign(an_order(leg=0, quantity="2"))
    with pytest.raises(CeilingExceeded) as refusal:
        signer.sign(an_order(leg=1, symbol="ETHUSDT", quantity="0.500001"))
    assert refusal.value.context == {"approved_amount": "250"}
    signer.sign(an_order(leg=2, symbol="ETHUSDT", quantity="0.5"), an_order(leg=3, side=Side.SELL, quantity="2"))
    with pytest.raises(CeilingExceeded):
        Signer(a_ceiling(), a_ceiling(symbol="ETHUSDT"), amount="250").sign(
            an_order(leg=0, quantity="1.5"), an_order(leg=1, symbol="ETHUSDT", quantity="1.5")
        )


def test_the_same_order_again_costs_nothing_and_another_order_under_its_id_is_refused() -> None:
    signer = Signer(a_ceiling())
    for _ in range(5):
        signer.sign(an_order(quantity="2"))
    for other in (an_order(quantity="1"), an_order(quantity="2", price="99"), an_order(quantity="2", symbol="ETHUSDT")):
        with pytest.raises(Denied):
            signer.sign(other)
    with pytest.raises(LinkIdRefused, match="another order"):
        signer.sign(an_order(quantity="2.0", price="99"))


def test_nothing_is_signed_after_the_plan_has_expired_not_even_again() -> None:
    signer = Signer(a_ceiling(), a_ceiling(side=Side.SELL))
    signer.sign(an_order())
    for late in (an_order(), an_order(leg=1), an_order(leg=2, side=Side.SELL)):
        with pytest.raises(ApprovalExpired):
            signer.sign(late, now=NOW + timedelta(seconds=60))


def test_an_order_without_an_approved_plan_symbol_or_side_is_refused() -> None:
    signer = Signer(a_ceiling())
    with pytest.raises(CeilingMissing):
        signer.sign(an_order(symbol="DOGEUSDT"))
    with pytest.raises(CeilingMissing):
        signer.sign(an_order(side=Side.SELL))
    with pytest.raises(CeilingMissing):
        count_down([an_order()], key_id=KEY_ID, allowances={}, signed={}, now=NOW)


def test_a_batch_is_signed_as_a_whole_or_not_at_all() -> None:
    signer = Signer(a_ceiling())
    with pytest.raises(CeilingExceeded):
        signer.sign(an_order(leg=0), an_order(leg=1), an_order(leg=2))
    assert signer.signed == {}
    signer.sign(an_order(leg=3, quantity="2"))


AMOUNTS = st.decimals(min_value="0.000001", max_value="3", places=6).map(str)
ORDERS = st.builds(
    an_order,
    leg=st.integers(0, 3),
    attempt=st.integers(0, 2),
    symbol=st.sampled_from(["BTCUSDT", "ETHUSDT"]),
    side=st.sampled_from(list(Side)),
    quantity=AMOUNTS,
    price=AMOUNTS,
)


@settings(max_examples=300, deadline=None)
@given(calls=st.lists(st.lists(ORDERS, min_size=1, max_size=4, unique_by=lambda order: order.link_text), max_size=25))
def test_no_sequence_of_calls_ever_gets_more_signed_than_was_approved(calls: list[list[OrderTerms]]) -> None:
    ceilings = [
        a_ceiling(symbol=symbol, side=side, quantity="5", notional="6")
        for symbol in ("BTCUSDT", "ETHUSDT")
        for side in Side
    ]
    signer = Signer(*ceilings, amount="9")
    for call in calls:
        try:
            signer.sign(*call)
        except Denied:
            continue
    totals: dict[Market, tuple[Decimal, Decimal]] = {}
    for order in signer.orders.values():
        quantity, notional = totals.get((order.symbol, order.side), (Decimal(0), Decimal(0)))
        totals[(order.symbol, order.side)] = (quantity + order.quantity, notional + order.notional)
    for (_, side), (quantity, notional) in totals.items():
        assert quantity <= 5
        assert side is Side.SELL or notional <= 6
    assert sum(notional for (_, side), (_, notional) in totals.items() if side is Side.BUY) <= 9
