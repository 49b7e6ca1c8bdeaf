"""Proof that a reviewed row means the same coin on both sides: the prices agree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from market_data.domain.coin import SourceCoin
from shared.trading.money import ONE, exact_product

TOLERANCE = Decimal("0.05")
"""A wrong row is wrong by far more; an honest source lags by less."""

OLDEST_PRICE = timedelta(hours=6)
"""An older price of the source proves nothing about today."""

CLOCKS_APART = timedelta(minutes=5)
"""How far the source's clock may run ahead of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One minute of trading at the venue; prices in quote per base."""

    start: datetime
    low: Decimal
    high: Decimal


def same_coin(coin: SourceCoin, candle: Candle) -> bool:
    """Whether the source's price lies within 5 % of the venue's candle."""
    lowest = exact_product(candle.low, ONE - TOLERANCE)
    highest = exact_product(candle.high, ONE + TOLERANCE)
    return lowest <= coin.price <= highest


def timely(coin: SourceCoin, now: datetime) -> bool:
    """Whether the source's price is young enough to be compared."""
    return -CLOCKS_APART <= now - coin.updated_at <= OLDEST_PRICE
