"""The level of an index: chained, so that a new version changes what is followed, never the level itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext

from market_data.domain.index_version import IndexVersion
from shared.trading.money import EXACT, ZERO, truncate

FIRST_LEVEL = Decimal(1000)
PLACES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelBase:
    """From where a level is counted while one version is in force.

    Attributes:
        version: The version in force.
        level: The level at the moment it came into force.
        weights: Weight by symbol at that moment.
        prices: Price by symbol at that moment, above zero.
        last: The last price heard of each, above zero: it stands in while there is none.
    """

    version: int
    level: Decimal
    weights: Mapping[str, Decimal]
    prices: Mapping[str, Decimal]
    last: Mapping[str, Decimal]

    def heard(self, prices: Mapping[str, Decimal]) -> LevelBase:
        """The same with the newest prices remembered."""
        return replace(self, last={symbol: prices.get(symbol, old) for symbol, old in self.last.items()})

    def level_now(self) -> Decimal:
        """The base level × Σ weight × last price ÷ first price, 8 decimals."""
        with localcontext(EXACT):
            moved = sum((self.weights[s] * self.last[s] / self.prices[s] for s in self.weights), ZERO)
            return truncate(self.level * moved, places=PLACES)


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelPoint:
    """The level at a moment.

    Attributes:
        version: The version in force from this moment on.
        stale: Symbols that had no price and are counted at their last one.
        pinned: The point where a version began: never thinned.
    """

    at: datetime
    level: Decimal
    version: int
    stale: tuple[str, ...] = ()
    pinned: bool = False


def advance(
    base: LevelBase | None, version: IndexVersion, prices: Mapping[str, Decimal], *, at: datetime
) -> tuple[LevelBase, LevelPoint]:
    """The next point, and the base from which to go on.

    Where the version has changed, the old one's level at these prices becomes the base of the new one, whose first
    prices are these same ones: nothing jumps.

    Args:
        base: From where it is counted until now; None before the first point.
        version: In force now.
        prices: Price by symbol, above zero; a symbol without one is missing.
        at: UTC.
    """
    if base is not None and base.version == version.version:
        known = base.heard(prices)
        return known, _point(known, prices, at, pinned=False)
    level = base.heard(prices).level_now() if base is not None else FIRST_LEVEL
    fresh = _begin(version, level, prices, dict(base.last) if base is not None else {})
    return fresh, _point(fresh, prices, at, pinned=True)


def _begin(
    version: IndexVersion, level: Decimal, prices: Mapping[str, Decimal], remembered: Mapping[str, Decimal]
) -> LevelBase:
    members = version.composition.constituents
    # Without a price at the venue the last one heard stands in, and without that the source's own.
    first = {one.symbol: prices.get(one.symbol) or remembered.get(one.symbol) or one.price for one in members}
    return LevelBase(
        version=version.version, level=level, weights=version.composition.weights(), prices=first, last=first
    )


def _point(base: LevelBase, prices: Mapping[str, Decimal], at: datetime, *, pinned: bool) -> LevelPoint:
    stale = tuple(sorted(symbol for symbol in base.weights if symbol not in prices))
    return LevelPoint(at=at, level=base.level_now(), version=base.version, stale=stale, pinned=pinned)
