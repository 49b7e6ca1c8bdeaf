"""Lots by average cost against the golden of the design, and rows that no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.exported import ExportedFill, ExportedOrder
from gateway.domain.lots import Ledger, Lot, lots_of
from gateway.inbound.tables import csv_text, json_text
from shared.trading.status import LegStatus, PositionStatus, Side, VenueEnvironment

D = Decimal
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_fill(side: Side, quantity: str, price: str, *, fee: str = "0", fee_asset: str = "BTC", **other: Any) -> Any:
    facts: dict[str, Any] = {
        "at": NOW,
        "exec_id": "e1",
        "position_id": UUID(int=1),
        "account_id": UUID(int=2),
        "environment": VenueEnvironment.PAPER,
        "index_id": "top-10",
        "position_status": PositionStatus.ACTIVE,
        "run_id": UUID(int=3),
        "leg_id": UUID(int=4),
        "symbol": "BTCUSDT",
        "base_asset": "BTC",
        "side": side,
        "price": D(price),
        "quantity": D(quantity),
        "fee": D(fee),
        "fee_asset": fee_asset,
        "client_order_id": "bp0",
        "venue_order_id": "v1",
    }
    return ExportedFill(**(facts | other))


def booked(*fills: ExportedFill) -> list[Lot]:
    ledger = Ledger()
    return [lot for fill in fills for lot in ledger.take(fill)] + list(ledger.end())


def test_golden_a_round_trip_realises_its_fees() -> None:
    """Buy 1 at 100 with a fee of 0.001 coins, sell 0.999 at 100 with a fee of 0.0999: -0.1999."""
    buy = a_fill(Side.BUY, "1", "100", fee="0.001")
    sell = a_fill(Side.SELL, "0.999", "100", fee="0.0999", fee_asset="USDT")
    bought, sold = booked(buy, sell)
    assert (bought.quantity, bought.cost, bought.realised) == (D("0.999"), D(100), D(0))
    assert (sold.quantity, sold.cost, sold.proceeds, sold.realised) == (
        D("-0.999"),
        D(-100),
        D("99.8001"),
        D("-0.1999"),
    )
    assert (sold.quantity_after, sold.cost_after, sold.average_cost_after) == (D(0), D(0), D(0))


def test_golden_half_of_two_purchases_leaves_at_their_average() -> None:
    """1 at 100 and 1 at 200 cost 150 each; one sold at 180 realises 30."""
    lots = booked(a_fill(Side.BUY, "1", "100"), a_fill(Side.BUY, "1", "200"), a_fill(Side.SELL, "1", "180"))
    assert [(lot.cost_after, lot.average_cost_after) for lot in lots] == [
        (D(100), D(100)),
        (D(300), D(150)),
        (D(150), D(150)),
    ]
    assert lots[-1].realised == D(30)


def test_a_sale_beyond_what_is_held_gives_up_no_more_than_that() -> None:
    _, sold = booked(a_fill(Side.BUY, "1", "100"), a_fill(Side.SELL, "2", "110"))
    assert (sold.quantity, sold.proceeds, sold.realised) == (D(-1), D(110), D(10))


def test_what_a_closed_position_could_not_sell_moves_out_at_its_cost() -> None:
    closed = {"position_status": PositionStatus.CLOSED}
    lots = booked(a_fill(Side.BUY, "1", "100", **closed), a_fill(Side.SELL, "0.9", "100", **closed))
    assert [(lot.kind, lot.quantity, lot.cost, lot.realised) for lot in lots][-1] == (
        "moved_out",
        D("-0.1"),
        D(-10),
        D(0),
    )


def test_positions_do_not_share_their_cost() -> None:
    other = a_fill(Side.BUY, "1", "300", position_id=UUID(int=9))
    assert [lot.average_cost_after for lot in booked(a_fill(Side.BUY, "1", "100"), other)] == [100, 300]


async def test_lots_come_with_the_stream() -> None:
    async def fills() -> AsyncIterator[ExportedFill]:
        yield a_fill(Side.BUY, "1", "100")
        yield a_fill(Side.SELL, "1", "90")

    assert [lot.realised async for lot in lots_of(fills())] == [0, -10]


def an_order(side: Side, **other: Any) -> ExportedOrder:
    facts: dict[str, Any] = dict.fromkeys(("reason", "fee_asset", "client_order_id", "venue_order_id", "average_price"))
    facts |= {name: D(0) for name in ("target_weight", "quantity", "limit_price", "fee", "residual")}
    facts |= {"position_id": UUID(int=1), "account_id": UUID(int=2), "run_id": UUID(int=3), "leg_id": UUID(int=4)}
    facts |= {"environment": VenueEnvironment.PAPER, "index_id": "x", "number": 0, "symbol": "S", "base_asset": "B"}
    facts |= {"side": side, "status": LegStatus.FILLED, "arrival_price": D(100), "filled_quantity": D(2)}
    return ExportedOrder(**(facts | other))


def test_golden_slippage_of_an_order_is_a_cost_on_both_sides() -> None:
    assert an_order(Side.BUY, notional=D(201)).slippage == D(1)
    assert an_order(Side.SELL, notional=D(201)).slippage == D(-1)
    assert an_order(Side.SELL, notional=D(201), arrival_price=None).slippage is None


async def rows(*given: Any) -> AsyncIterator[Any]:
    for row in given:
        yield row


async def read(pieces: AsyncIterator[str]) -> str:
    return "".join([piece async for piece in pieces])


async def test_a_table_is_rfc_4180_and_runs_nothing() -> None:
    row = {"a": "=1+1", "b": D("-1E-8"), "c": None, "d": 'say "hi",\nyou', "e": NOW, "f": "@x", "g": -5}
    text = await read(csv_text(list(row), rows(row)))
    assert text == ('a,b,c,d,e,f,g\r\n\'=1+1,-0.00000001,,"say ""hi"",\nyou",2026-11-20T12:00:00.000Z,\'@x,-5\r\n')
    assert await read(csv_text(["a"], rows())) == "a\r\n"
    assert await read(json_text(rows())) == "[]"
    many = await read(json_text(rows(*({"n": number, "x": D("0.10")} for number in range(250)))))
    assert [one["n"] for one in json.loads(many)] == list(range(250))
    assert json.loads(many)[0]["x"] == "0.1"


@given(texts=st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=5))
async def test_whatever_the_text_it_comes_back_and_is_no_formula(texts: list[str]) -> None:
    names = [f"c{number}" for number in range(len(texts))]
    text = await read(csv_text(names, rows(dict(zip(names, texts, strict=True)))))
    found = list(csv.reader(io.StringIO(text, newline="")))[1] if text.count("\r\n") > 1 else [""]
    for cell, original in zip(found, texts, strict=True):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        assert cell in {original, f"'{original}"}


def test_ledger_forgets_nothing_between_moments() -> None:
    later = NOW + timedelta(days=1)
    lots = booked(a_fill(Side.BUY, "1", "100"), a_fill(Side.BUY, "1", "100", at=later))
    assert [lot.at for lot in lots] == [NOW, later]
