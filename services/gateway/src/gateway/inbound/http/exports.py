"""Orders, fills and average-cost lots as tables, streamed: CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from gateway.domain.errors import PositionNotFound
from gateway.domain.lots import LotKind, lots_of
from gateway.inbound.caller import User, by_user
from gateway.inbound.desk import AtDesk, Desk
from gateway.inbound.http.models import Answer
from gateway.inbound.problems import declared
from gateway.inbound.tables import csv_text, json_text
from shared.contracts.fields import DecimalText, Moment
from shared.trading.status import LegStatus, Side, VenueEnvironment

exports = APIRouter(tags=["export"], dependencies=[Depends(by_user("export"))])


class Format(StrEnum):
    """How the table is written."""

    CSV = "csv"
    JSON = "json"


As = Annotated[Format, Query(alias="format")]
OfPosition = Annotated[UUID | None, Query(alias="position_id", description="Of one position alone.")]


class OrderRow(Answer):
    """One leg of a run; quantities in base units, prices in quote per base, notional and slippage in quote units."""

    position_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    index_id: str
    run_id: UUID
    number: int
    leg_id: UUID
    symbol: str
    base_asset: str
    side: Side
    status: LegStatus
    reason: str | None
    target_weight: DecimalText
    quantity: DecimalText
    limit_price: DecimalText
    arrival_price: DecimalText | None
    filled_quantity: DecimalText
    average_price: DecimalText | None
    notional: DecimalText
    slippage: DecimalText | None
    fee: DecimalText
    fee_asset: str | None
    residual: DecimalText
    client_order_id: str | None
    venue_order_id: str | None


class FillRow(Answer):
    """One match at the venue."""

    at: Moment
    exec_id: str
    position_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    index_id: str
    run_id: UUID
    leg_id: UUID
    symbol: str
    base_asset: str
    side: Side
    price: DecimalText
    quantity: DecimalText
    notional: DecimalText
    fee: DecimalText
    fee_asset: str
    client_order_id: str
    venue_order_id: str


class LotRow(Answer):
    """What a match or a release did to a coin's quantity and cost in a position, by average cost; money in quote units.

    `quantity_after` of a coin's last line is what the position holds of it. Coins leave for the user's own at their
    cost, without gain: `moved_out` is what the venue would not sell, `sold_by_hand` and `withdrawn` are what the user
    said of coins that were missing on the account.
    """

    at: Moment
    position_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    asset: str
    symbol: str
    kind: LotKind
    exec_id: str | None
    quantity: DecimalText
    price: DecimalText | None
    fee: DecimalText
    fee_asset: str | None
    cost: DecimalText
    proceeds: DecimalText
    realised: DecimalText
    quantity_after: DecimalText
    cost_after: DecimalText
    average_cost_after: DecimalText


def _table(row: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """The answer in OpenAPI: the row's fields are the columns of the CSV, in this order."""
    columns = ",".join(row.model_fields)
    text = {"schema": {"type": "string"}, "example": f"{columns}\r\n"}
    words = f"Rows of the table; the columns of the CSV are `{columns}`, its lines end with CR LF (RFC 4180)."
    return {**declared(401, 404), 200: {"description": words, "model": list[row], "content": {"text/csv": text}}}  # type: ignore[valid-type]


@exports.get(
    "/api/export/orders", operation_id="export_orders", response_class=StreamingResponse, responses=_table(OrderRow)
)
async def export_orders(
    user: User, desk: AtDesk, written: As = Format.CSV, position_id: OfPosition = None
) -> StreamingResponse:
    """Every order of every run, with what it cost against the price at which it was planned."""
    await _known(desk, user.user_id, position_id)
    return await _answer("orders", OrderRow, desk.exports.orders(user.user_id, position_id=position_id), written)


@exports.get(
    "/api/export/fills", operation_id="export_fills", response_class=StreamingResponse, responses=_table(FillRow)
)
async def export_fills(
    user: User, desk: AtDesk, written: As = Format.CSV, position_id: OfPosition = None
) -> StreamingResponse:
    """Every match, oldest first."""
    await _known(desk, user.user_id, position_id)
    return await _answer("fills", FillRow, desk.exports.fills(user.user_id, position_id=position_id), written)


@exports.get("/api/export/lots", operation_id="export_lots", response_class=StreamingResponse, responses=_table(LotRow))
async def export_lots(
    user: User, desk: AtDesk, written: As = Format.CSV, position_id: OfPosition = None
) -> StreamingResponse:
    """Cost basis by average cost: all that changed it, in the order of the books, coin by coin, position by position."""
    await _known(desk, user.user_id, position_id)
    changes = desk.exports.changes(user.user_id, position_id=position_id)
    return await _answer("lots", LotRow, lots_of(changes), written)


async def _known(desk: Desk, user_id: UUID, position_id: UUID | None) -> None:
    await desk.fresh.about(position_id or user_id)
    if position_id is not None and await desk.positions.detail(user_id, position_id) is None:
        raise PositionNotFound("You have no such position.")


async def _answer(name: str, row: type[BaseModel], nouns: AsyncIterator[Any], written: Format) -> StreamingResponse:
    """The first piece is made before the answer begins: what goes wrong until then still has a status."""
    columns = list(row.model_fields)
    rows = _rows(columns, nouns)
    text = csv_text(columns, rows) if written is Format.CSV else json_text(rows)
    opening = [await anext(text), await anext(text, "")]
    return StreamingResponse(
        _continued(opening, text),
        media_type="text/csv; charset=utf-8; header=present" if written is Format.CSV else "application/json",
        headers={
            "content-disposition": f'attachment; filename="basketry-{name}.{written.value}"',
            "cache-control": "no-store",
        },
    )


async def _rows(columns: list[str], nouns: AsyncIterator[Any]) -> AsyncIterator[Mapping[str, Any]]:
    async for noun in nouns:
        yield {name: getattr(noun, name) for name in columns}


async def _continued(opening: list[str], text: AsyncIterator[str]) -> AsyncIterator[str]:
    for piece in opening:
        if piece:
            yield piece
    async for piece in text:
        yield piece
