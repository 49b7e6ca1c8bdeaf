"""From a sized basket to a plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from execution.domain.plan import PlanLine
from execution.domain.sizing import SizedBasket, SizedLeg
from shared.trading.money import ZERO, exact_product, plain, truncate
from shared.trading.status import Side

_REASONS = {
    "too_small": "notional_below_minimum",
    "not_trading": "not_trading",
    "no_price": "no_price",
    "illiquid": "book_too_thin",
}


def buy_lines(basket: SizedBasket, *, fee_rate: Decimal, quote_asset: str, now: datetime) -> list[PlanLine]:
    """One line per constituent, in the index's order; skipped ones carry their reason."""
    return [
        _line(number, leg, fee_rate=fee_rate, quote_asset=quote_asset, now=now)
        for number, leg in enumerate(basket.legs)
    ]


def _line(number: int, leg: SizedLeg, *, fee_rate: Decimal, quote_asset: str, now: datetime) -> PlanLine:
    candidate = leg.candidate
    instrument, quote = candidate.instrument, candidate.quote
    return PlanLine(
        number=number,
        symbol=candidate.symbol,
        base_asset=instrument.base if instrument else candidate.asset,
        quote_asset=instrument.quote if instrument else quote_asset,
        side=Side.BUY,
        target_weight=candidate.weight,
        effective_weight=leg.effective_weight,
        quantity=leg.quantity,
        estimated_price=leg.price,
        limit_price=leg.limit,
        fee=exact_product(leg.quantity, fee_rate),
        fee_asset=instrument.base if instrument else candidate.asset,
        price_at=quote.at if quote else now,
        check=leg.check,
        reason=_REASONS.get(leg.check),
        required_amount=leg.required_amount if leg.check == "too_small" else None,
        lot_size=instrument.lot_size if instrument else ZERO,
        min_quantity=instrument.min_quantity if instrument else ZERO,
        min_notional=instrument.min_notional if instrument else ZERO,
        arrival_price=quote.mid() if quote else None,
        book_notional=candidate.thin.takes if candidate.thin else None,
        largest_amount=_largest(leg),
    )


def _largest(leg: SizedLeg) -> Decimal | None:
    thin, required = leg.candidate.thin, leg.required_amount
    if thin is None or thin.largest_amount is None or required is None or thin.largest_amount < required:
        return None
    return thin.largest_amount


def buy_warnings(lines: Sequence[PlanLine]) -> list[str]:
    """Sentences for the person who reads the plan."""
    return [_sentence(line) for line in lines if line.check != "ok"]


def _sentence(line: PlanLine) -> str:
    spread = f"its {plain(line.target_weight * 100)} % are spread over the rest."
    if line.check != "illiquid":
        return f"{line.symbol} is left out ({line.reason}); {spread}"
    works = (
        "no amount would fill now"
        if line.largest_amount is None
        else f"up to {plain(line.largest_amount)} USDT it fills"
    )
    takes = plain(truncate(line.book_notional or ZERO, places=2))
    return f"{line.symbol} is left out: its order book holds {takes} USDT within the limit ({works}); {spread}"
