"""What a position or a portfolio came to: the nouns that answers are made of. Returns are fractions, money is quote units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from reconciler.domain.slippage import Slippage


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Since the first flow; `pnl` = `value` + `taken_out` - `paid_in`."""

    value: Decimal
    cost: Decimal
    realised: Decimal
    unrealised: Decimal
    pnl: Decimal
    fees: Decimal
    paid_in: Decimal
    taken_out: Decimal
    slippage: Slippage


@dataclass(frozen=True, slots=True, kw_only=True)
class Returns:
    """Over a range; the annual rate only for at least thirty days."""

    since: datetime | None
    until: datetime | None
    time_weighted: Decimal | None
    money_weighted: Decimal | None
    money_weighted_annual: Decimal | None
    max_drawdown: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmarks:
    """What else the range did; None where it is not known for all of it."""

    bitcoin: Decimal | None
    index: Decimal | None
    held: Decimal | None
    tracking_difference: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What one coin added to the P&L."""

    asset: str
    realised: Decimal
    unrealised: Decimal
    moved: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePoint:
    """One moment of the lines; growth and benchmarks start at one."""

    at: datetime
    value: Decimal
    net_in: Decimal
    pnl: Decimal
    growth: Decimal
    bitcoin: Decimal | None = None
    index: Decimal | None = None
    held: Decimal | None = None
    drift: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The level of an index at a moment."""

    at: datetime
    level: Decimal
