"""Average-cost lots: what each match and each release did to the quantity and the cost of a coin in a position."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Literal
from uuid import UUID

from gateway.domain.exported import ExportedFill, ExportedRelease
from shared.trading.holding import COST_PLACES, Holding
from shared.trading.money import EXACT, ZERO, exact_product, truncate
from shared.trading.status import PositionStatus, Side, VenueEnvironment

AVERAGE_PLACES = 18
Change = ExportedFill | ExportedRelease
LotKind = Literal["buy", "sell", "moved_out", "sold_by_hand", "withdrawn"]
_SIDES: dict[Side, LotKind] = {Side.BUY: "buy", Side.SELL: "sell"}
_WORDS: dict[str, LotKind] = {"residual": "moved_out", "sold": "sold_by_hand", "withdrawn": "withdrawn"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """One line of a coin's cost basis in a position; quantities in base units, money in quote units.

    Attributes:
        kind: `buy`, `sell`, or how coins left at cost for the user's own: `moved_out` (the venue would not sell so
            little), `sold_by_hand` or `withdrawn` (what the user said of coins that were missing).
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
    kind: LotKind
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
    """One coin of one position after another; what changed a coin comes together, in the order of execution's books."""

    def __init__(self) -> None:
        self._held = Holding()
        self._last: Change | None = None

    def take(self, change: Change) -> Iterable[Lot]:
        """The line of a change, after what the coin before it left over."""
        if self._last is None or _coin(change) != _coin(self._last):
            yield from self.end()
        before, self._last = self._held, change
        if isinstance(change, ExportedFill):
            self._held, proceeds = _booked(before, change)
            yield _line(change, _SIDES[change.side], before, self._held, proceeds=proceeds)
        else:
            self._held = before.given_up(min(change.quantity, before.quantity))
            yield _line(change, _WORDS.get(change.why, "moved_out"), before, self._held)

    def end(self) -> Iterable[Lot]:
        """A closed position holds nothing: one that ended before releases were told gave up the rest then."""
        last, held = self._last, self._held
        if last is not None and last.position_status is PositionStatus.CLOSED and held.quantity > ZERO:
            yield _line(last, "moved_out", held, held.given_up(held.quantity))
        self._held, self._last = Holding(), None


async def lots_of(changes: AsyncIterator[Change]) -> AsyncIterator[Lot]:
    """The lots of changes that come by position, coin and number; memory holds one coin."""
    ledger = Ledger()
    async for change in changes:
        for lot in ledger.take(change):
            yield lot
    for lot in ledger.end():
        yield lot


def _coin(change: Change) -> tuple[UUID, str]:
    return change.position_id, change.base_asset


def _booked(before: Holding, fill: ExportedFill) -> tuple[Holding, Decimal]:
    """As execution books it, to the last digit; of what was sold beyond the holding only the part that it covers."""
    fee, quantity = fill.fee, fill.quantity
    in_base = fill.fee_asset == fill.base_asset
    if fill.side is Side.BUY:
        paid = fill.notional + (fee if fill.fee_in_quote else ZERO)
        return before.bought(quantity=quantity, paid=paid, base_fee=fee if in_base else ZERO), ZERO
    leaving = quantity + (fee if in_base else ZERO)
    if leaving > before.quantity:
        with localcontext(EXACT):
            fee = truncate(fee * before.quantity / leaving, places=COST_PLACES)
            leaving = before.quantity
            quantity = leaving - (fee if in_base else ZERO)
    if not leaving:
        return before, ZERO
    notional, quote_fee = exact_product(fill.price, quantity), fee if fill.fee_in_quote else ZERO
    return before.sold(quantity=leaving, proceeds=notional, quote_fee=quote_fee), notional - quote_fee


def _line(change: Change, kind: LotKind, before: Holding, after: Holding, *, proceeds: Decimal = ZERO) -> Lot:
    fill = change if isinstance(change, ExportedFill) and kind in _SIDES.values() else None
    with localcontext(EXACT):
        return Lot(
            at=change.at,
            position_id=change.position_id,
            account_id=change.account_id,
            environment=change.environment,
            asset=change.base_asset,
            symbol=change.symbol,
            kind=kind,
            exec_id=fill.exec_id if fill else None,
            quantity=after.quantity - before.quantity,
            price=fill.price if fill else None,
            fee=fill.fee if fill else ZERO,
            fee_asset=fill.fee_asset if fill else None,
            cost=after.cost - before.cost,
            proceeds=proceeds,
            realised=after.realised - before.realised,
            quantity_after=after.quantity,
            cost_after=after.cost,
            average_cost_after=truncate(after.average_cost(), places=AVERAGE_PLACES),
        )
