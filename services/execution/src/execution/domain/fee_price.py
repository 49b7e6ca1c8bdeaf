"""What a fee in a third coin is worth: a fee in MNT for a trade of BTC against USDT, for example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from execution.domain.venue_facts import ExecutionFact
from shared.trading.flow import pair_of
from shared.trading.money import ZERO, exact_product

AGE_MAX = timedelta(seconds=60)
"""A match that is booked later than this is valued at a price of another time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeePrice:
    """Quote units for one unit of a fee's coin."""

    price: Decimal
    stale: bool


def third_coin(fact: ExecutionFact) -> str | None:
    """The coin of a fee that is neither the pair's base nor its quote; None for an ordinary fee."""
    pair = pair_of(fact.symbol)
    third = fact.fee and fact.fee_asset and pair is not None and fact.fee_asset not in pair
    return fact.fee_asset if third else None


def fee_value(fact: ExecutionFact, prices: Mapping[str, FeePrice], now: datetime) -> tuple[Decimal, bool]:
    """Quote units of a third coin's fee, and whether they are doubtful; zero for an ordinary fee."""
    coin = third_coin(fact)
    if coin is None:
        return ZERO, False
    known = prices.get(coin)
    if known is None:
        return ZERO, True
    return exact_product(fact.fee, known.price), known.stale or now - fact.at > AGE_MAX
