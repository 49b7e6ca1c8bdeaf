"""What closing a position sells: what it holds and no more, and what the venue would not take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, localcontext

from execution.domain.plan import PlanLine
from execution.domain.position import PositionHolding
from execution.domain.price_band import limit_price
from shared.trading.instrument import Instrument
from shared.trading.money import EXACT, ZERO, exact_product, floor_to_lot
from shared.trading.quote import Quote
from shared.trading.status import Side


def close_lines(
    holdings: Sequence[PositionHolding],
    *,
    instruments: Mapping[str, Instrument],
    quotes: Mapping[str, Quote],
    band: Decimal,
    fee_rate: Decimal,
    quote_asset: str,
    now: datetime,
) -> list[PlanLine]:
    """One selling line per coin held; a coin below the venue's minimum is a `residual`."""
    held = [holding for holding in holdings if holding.quantity > ZERO]
    return [
        _line(
            number,
            holding,
            instrument=instruments.get(holding.symbol),
            quote=quotes.get(holding.symbol),
            band=band,
            fee_rate=fee_rate,
            quote_asset=quote_asset,
            now=now,
        )
        for number, holding in enumerate(held)
    ]


def _line(
    number: int,
    holding: PositionHolding,
    *,
    instrument: Instrument | None,
    quote: Quote | None,
    band: Decimal,
    fee_rate: Decimal,
    quote_asset: str,
    now: datetime,
) -> PlanLine:
    check, quantity, limit, price = "ok", ZERO, ZERO, ZERO
    if instrument is None or not instrument.trading:
        check = "not_trading"
    elif quote is None or not quote.fresh(now):
        check = "no_price"
    else:
        price = quote.bid
        limit = limit_price(quote, side=Side.SELL, band=band, tick_size=instrument.tick_size)
        quantity = sellable(
            holding.quantity,
            price=limit,
            lot_size=instrument.lot_size,
            min_quantity=instrument.min_quantity,
            min_notional=instrument.min_notional,
        )
        check = "ok" if quantity else "residual"
    with localcontext(EXACT):
        fee = quantity * price * fee_rate
    return PlanLine(
        number=number,
        symbol=holding.symbol,
        base_asset=holding.asset,
        quote_asset=quote_asset,
        side=Side.SELL,
        target_weight=holding.target_weight,
        effective_weight=ZERO,
        quantity=quantity,
        estimated_price=price,
        limit_price=limit,
        fee=fee,
        fee_asset=quote_asset,
        price_at=quote.at if quote else now,
        check=check,
        reason=None if check == "ok" else check,
        lot_size=instrument.lot_size if instrument else ZERO,
        min_quantity=instrument.min_quantity if instrument else ZERO,
        min_notional=instrument.min_notional if instrument else ZERO,
        arrival_price=quote.mid() if quote else None,
    )


def sellable(
    quantity: Decimal, *, price: Decimal, lot_size: Decimal, min_quantity: Decimal, min_notional: Decimal
) -> Decimal:
    """The part of a holding (base units) that the venue takes in one order at `price`; zero when it takes none."""
    lots = floor_to_lot(quantity, lot_size=lot_size)
    if lots <= ZERO or lots < min_quantity or exact_product(lots, price) < min_notional:
        return ZERO
    return lots
