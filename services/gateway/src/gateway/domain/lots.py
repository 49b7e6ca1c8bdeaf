"""Average-cost lots: what each match did to the quantity and the cost of a coin in a position."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Literal
from uuid import UUID

from gateway.domain.exported import ExportedFill
from shared.trading.holding import COST_PLACES, Holding
from shared.trading.money import EXACT, ZERO, exact_product, truncate
from shared.trading.status import PositionStatus, Side, VenueEnvironment

AVERAGE_PLACES = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """One line of a coin's cost basis in a position; quantities in base units, money in quote units.

    Attributes:
        kind: `buy`, `sell`, or `moved_out`: what a closed position could not sell went to the user's own coins at cost.
        quantity: Change of what is held, net of a fee in the coin itself; below zero for what left.
        cost: Change of the cost basis.
        proceeds: Received after a quote-coin fee; zero for what did not sell.
        realised: Proceeds minus the cost basis that was given up.
    """

    at: datetime
    position_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    asset: str
    symbol: str
    kind: Literal["buy", "sell", "moved_out"]
    exec_id: str | None
    quantity: Decimal
    price: Decimal | None
    fee: Decimal
    fee_asset: str | None
    cost: Decimal
    proceeds: Decimal
    realised: Decimal
    quantity_after: Decimal
    cost_after: Decimal
    average_cost_after: Decimal


class Ledger:
    """The coins of one position after another; fills of a position come together and in order."""

    def __init__(self) -> None:
        self._holdings: dict[str, Holding] = {}
        self._last: dict[str, ExportedFill] = {}
        self._position: UUID | None = None

    def take(self, fill: ExportedFill) -> Iterable[Lot]:
        """The lines of a match, after what the position before it left over."""
        if fill.position_id != self._position:
            yield from self.end()
            self._position = fill.position_id
        before = self._holdings.get(fill.base_asset, Holding())
        after, proceeds = _booked(before, fill)
        self._holdings[fill.base_asset] = after
        self._last[fill.base_asset] = fill
        kind: Literal["buy", "sell"] = "buy" if fill.side is Side.BUY else "sell"
        yield _line(fill, kind, before, after, proceeds=proceeds)

    def end(self) -> Iterable[Lot]:
        """What a closed position still held went to the user's own coins at its cost."""
        for asset, fill in self._last.items():
            held = self._holdings[asset]
            if fill.position_status is PositionStatus.CLOSED and held.quantity > ZERO:
                yield _line(fill, "moved_out", held, Holding(realised=held.realised), proceeds=ZERO)
        self._holdings, self._last = {}, {}


async def lots_of(fills: AsyncIterator[ExportedFill]) -> AsyncIterator[Lot]:
    """The lots of fills that come by position and time; memory holds one position."""
    ledger = Ledger()
    async for fill in fills:
        for lot in ledger.take(fill):
            yield lot
    for lot in ledger.end():
        yield lot


def _booked(before: Holding, fill: ExportedFill) -> tuple[Holding, Decimal]:
    base_fee = fill.fee if fill.fee_asset == fill.base_asset else ZERO
    quote_fee = fill.fee if fill.fee_in_quote else ZERO
    notional = exact_product(fill.price, fill.quantity)
    if fill.side is Side.BUY:
        return before.bought(quantity=fill.quantity, paid=notional + quote_fee, base_fee=base_fee), ZERO
    leaving = fill.quantity + base_fee
    if leaving > before.quantity:
        # More was sold than the position held: what is beyond were the user's own coins.
        with localcontext(EXACT):
            share = before.quantity / leaving
            notional, quote_fee = (truncate(part * share, places=COST_PLACES) for part in (notional, quote_fee))
            leaving = before.quantity
    if not leaving:
        return before, ZERO
    return before.sold(quantity=leaving, proceeds=notional, quote_fee=quote_fee), notional - quote_fee


def _line(
    fill: ExportedFill,
    kind: Literal["buy", "sell", "moved_out"],
    before: Holding,
    after: Holding,
    *,
    proceeds: Decimal,
) -> Lot:
    matched = kind != "moved_out"
    with localcontext(EXACT):
        return Lot(
            at=fill.at,
            position_id=fill.position_id,
            account_id=fill.account_id,
            environment=fill.environment,
            asset=fill.base_asset,
            symbol=fill.symbol,
            kind=kind,
            exec_id=fill.exec_id if matched else None,
            quantity=after.quantity - before.quantity,
            price=fill.price if matched else None,
            fee=fill.fee if matched else ZERO,
            fee_asset=fill.fee_asset if matched else None,
            cost=after.cost - before.cost,
            proceeds=proceeds,
            realised=after.realised - before.realised,
            quantity_after=after.quantity,
            cost_after=after.cost,
            average_cost_after=truncate(after.average_cost(), places=AVERAGE_PLACES),
        )
