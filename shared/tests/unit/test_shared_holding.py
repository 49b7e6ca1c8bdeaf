"""Average cost and realised P&L."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.trading.holding import Holding, Oversold
from shared.trading.money import EXACT, parse_decimal


def test_the_golden_round_trip() -> None:
    bought = Holding().bought(quantity=Decimal(1), paid=Decimal(100), base_fee=Decimal("0.001"))
    assert bought.quantity == Decimal("0.999")
    assert bought.average_cost() * bought.quantity == pytest.approx(Decimal(100), abs=Decimal("1e-60"))
    sold = bought.sold(quantity=Decimal("0.999"), proceeds=Decimal("99.9"), quote_fee=Decimal("0.0999"))
    assert sold == Holding(quantity=Decimal(0), cost=Decimal(0), realised=Decimal("-0.1999"))


def test_a_partial_sale_gives_up_its_share_of_the_cost() -> None:
    held = Holding().bought(quantity=Decimal(4), paid=Decimal(100))
    sold = held.sold(quantity=Decimal(1), proceeds=Decimal(40), quote_fee=Decimal("0.04"))
    assert sold == Holding(quantity=Decimal(3), cost=Decimal(75), realised=Decimal("14.96"))
    assert sold.average_cost() == Decimal(25)
    assert sold.unrealised(Decimal(30)) == Decimal(15)


def test_nothing_held_costs_nothing() -> None:
    assert Holding().average_cost() == 0
    assert Holding().unrealised(Decimal(100)) == 0


def test_more_than_is_held_cannot_be_sold() -> None:
    with pytest.raises(Oversold):
        Holding().bought(quantity=Decimal(1), paid=Decimal(100), base_fee=Decimal("0.001")).sold(
            quantity=Decimal(1), proceeds=Decimal(100)
        )


fills = st.lists(
    st.tuples(
        st.decimals(min_value="0.0001", max_value=1000, places=8),
        st.decimals(min_value="0.01", max_value=10**5, places=4),
    ),
    min_size=1,
    max_size=12,
)


@given(fills)
def test_buying_in_pieces_is_buying_at_once(pieces: list[tuple[Decimal, Decimal]]) -> None:
    piecewise = Holding()
    for quantity, paid in pieces:
        piecewise = piecewise.bought(quantity=quantity, paid=paid)
    whole = Holding().bought(quantity=sum(q for q, _ in pieces), paid=sum(p for _, p in pieces))  # type: ignore[arg-type]
    assert piecewise == whole


@given(fills, st.decimals(min_value=1, max_value=10**6, places=4))
def test_selling_everything_in_pieces_realises_the_same(pieces: list[tuple[Decimal, Decimal]], paid: Decimal) -> None:
    held = Holding().bought(quantity=Decimal(sum(q for q, _ in pieces)), paid=paid)
    piecewise = held
    for quantity, proceeds in pieces:
        piecewise = piecewise.sold(quantity=quantity, proceeds=proceeds, quote_fee=proceeds / 1000)
    proceeds = Decimal(sum(p for _, p in pieces))
    whole = held.sold(quantity=held.quantity, proceeds=proceeds, quote_fee=proceeds / 1000)
    assert piecewise.quantity == whole.quantity == 0
    assert piecewise.cost == whole.cost == 0
    assert abs(piecewise.realised - whole.realised) < Decimal("1e-40")


@given(fills)
def test_no_cost_is_created_or_lost(pieces: list[tuple[Decimal, Decimal]]) -> None:
    held = Holding()
    for quantity, paid in pieces:
        held = held.bought(quantity=quantity, paid=paid)
        before = held
        held = held.sold(quantity=held.quantity / 3, proceeds=Decimal(0))
        given_up = before.realised - held.realised
        assert abs(before.cost - held.cost - given_up) < Decimal("1e-40")
        with localcontext(EXACT):
            assert abs(held.cost - before.average_cost() * held.quantity) <= Decimal("1e-18")


def test_partial_sales_keep_figures_that_a_contract_can_carry_and_lose_nothing() -> None:
    held = Holding().bought(quantity=Decimal(3), paid=Decimal(100))
    for _ in range(7):
        held = held.sold(quantity=Decimal("0.1"), proceeds=Decimal("3.3"))
    assert parse_decimal(str(held.cost)) == held.cost
    assert held.cost + Decimal("3.3") * 7 - held.realised == Decimal(100)
