"""What a position is worth: exact products and sums of the books and the marks, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from enum import StrEnum

from reconciler.domain.books import HeldCoin, PositionBook
from shared.trading.money import EXACT, ZERO, exact_product, exact_sum, truncate
from shared.trading.weights import WEIGHT_PLACES


class Source(StrEnum):
    """What made us value a position."""

    RECONCILIATION = "reconciliation"
    REVALUATION = "revaluation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The price that values a coin (quote per base), and whether it is older than it should be."""

    price: Decimal
    stale: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinValue:
    """One coin of a position, valued; `weight`, `drift` as fractions of the position."""

    coin: HeldCoin
    mark: Mark
    value: Decimal
    unrealised: Decimal
    weight: Decimal
    drift: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Valuation:
    """A position, valued. Amounts in quote units.

    Attributes:
        fees: Shown, not subtracted again: they are inside cost and realised.
        turnover: Half the sum of absolute drifts.
    """

    at: datetime
    value: Decimal
    cost: Decimal
    realised: Decimal
    unrealised: Decimal
    pnl: Decimal
    fees: Decimal
    coins: tuple[CoinValue, ...]
    max_abs_drift: Decimal
    turnover: Decimal


def value_position(book: PositionBook, marks: Mapping[str, Mark], at: datetime) -> Valuation | None:
    """Value a position at the given marks.

    Returns:
        None when a coin that is held has no price at all: a part is never shown as the whole.
    """
    if any(coin.symbol not in marks for coin in book.coins if coin.quantity):
        return None
    priced = [(coin, marks.get(coin.symbol, Mark(price=ZERO, stale=True))) for coin in book.coins]
    priced = [(coin, mark if coin.quantity else Mark(price=mark.price, stale=False)) for coin, mark in priced]
    total = exact_sum([exact_product(coin.quantity, mark.price) for coin, mark in priced])
    coins = tuple(_value_coin(coin, mark, total) for coin, mark in priced)
    cost = exact_sum([coin.cost for coin in book.coins])
    realised = exact_sum([coin.realised for coin in book.coins])
    drifts = [abs(coin.drift) for coin in coins]
    with localcontext(EXACT):
        return Valuation(
            at=at,
            value=total,
            cost=cost,
            realised=realised,
            unrealised=total - cost,
            pnl=realised + total - cost,
            fees=book.fees,
            coins=coins,
            max_abs_drift=max(drifts, default=ZERO),
            turnover=sum(drifts, ZERO) / 2,
        )


def _value_coin(coin: HeldCoin, mark: Mark, total: Decimal) -> CoinValue:
    value = exact_product(coin.quantity, mark.price)
    with localcontext(EXACT):
        weight = truncate(value / total, places=WEIGHT_PLACES) if total else ZERO
        drift = weight - coin.target_weight if total else ZERO
    return CoinValue(
        coin=coin,
        mark=mark,
        value=value,
        unrealised=coin.holding().unrealised(mark.price),
        weight=weight,
        drift=drift,
    )
