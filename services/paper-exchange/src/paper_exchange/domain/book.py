"""The order book around the mid price: made fresh for each tick, eaten by takers until the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from paper_exchange.domain.listing import Listing
from paper_exchange.domain.price_walk import FINE
from shared.trading.money import EXACT

LEVELS = 50
HALF_SPREAD_PPM = 100
"""Half the spread as parts per million of the price: 1 basis point, at least half a tick."""
LEVEL_GAP_PPM = 200
"""Distance between levels, at least one tick: 50 levels reach about 1 % deep."""
SHARES = (2, 4, 8, 12, 16)
"""Thousandths of the depth on the first levels; every further level holds 20."""


@dataclass(slots=True)
class Level:
    """A price in ticks and what stands there in lots."""

    ticks: int
    lots: int


class Side:
    """One side of the book, best price first; a level is made when somebody looks at it.

    Args:
        best: Best price in ticks.
        gap: Ticks between levels; negative on the bid side.
        lots: Whole-number ratio of the depth to the value of one lot at one tick.
        salt: Changes the sizes from tick to tick, reproducibly.
    """

    __slots__ = ("_best", "_gap", "_levels", "_over", "_salt", "_under")

    def __init__(self, best: int, gap: int, lots: tuple[int, int], salt: int) -> None:
        self._best = best
        self._gap = gap
        self._over, self._under = lots
        self._salt = salt
        self._levels: list[Level] = []

    def __iter__(self) -> Iterator[Level]:
        """All levels, also those that takers emptied."""
        for step in range(LEVELS):
            level = self._levels[step] if step < len(self._levels) else self._make(step)
            if level is None:
                return
            yield level

    def standing(self) -> Iterator[Level]:
        """The levels where something stands."""
        return (level for level in self if level.lots)

    def within(self, reach: int) -> Iterator[Level]:
        """The levels where something stands, best first, as far as a price in ticks reaches."""
        asks, levels = self._gap > 0, self._levels
        for step in range(LEVELS):
            level = levels[step] if step < len(levels) else self._make(step)
            if level is None or (level.ticks > reach if asks else level.ticks < reach):
                return
            if level.lots:
                yield level

    def _make(self, step: int) -> Level | None:
        """The next level; None below the smallest price."""
        ticks = self._best + step * self._gap
        if ticks <= 0:
            return None
        level = Level(ticks, _lots_at(ticks, step, (self._over, self._under), self._salt))
        self._levels.append(level)
        return level


@dataclass(slots=True)
class Book:
    """Both sides; the lots of a level shrink as takers eat them."""

    listing: Listing
    bids: Side
    asks: Side


def best_ticks(mid_fine: int) -> tuple[int, int]:
    """Best bid and best ask in ticks around a mid price in fine units; never crossed, never locked."""
    half = max(FINE // 2, mid_fine * HALF_SPREAD_PPM // 1_000_000)
    return max(1, (mid_fine - half) // FINE), -((-mid_fine - half) // FINE)


def best_levels(listing: Listing, *, mid_fine: int, depth: Decimal, salt: int) -> tuple[Level, Level]:
    """Where both sides of `make_book` begin, without making them: what the ticker of every pair asks for."""
    bid, ask = best_ticks(mid_fine)
    lots = _ratio(depth, listing.quote_precision)
    return Level(bid, _lots_at(bid, 0, lots, salt)), Level(ask, _lots_at(ask, 0, lots, salt + 1))


def make_book(listing: Listing, *, mid_fine: int, depth: Decimal, salt: int) -> Book:
    """Build the book of one tick.

    Args:
        listing: The pair.
        mid_fine: Mid price in fine units.
        depth: Quote units on each side.
        salt: Changes the sizes from tick to tick, reproducibly.
    """
    bid, ask = best_ticks(mid_fine)
    gap = max(1, ask * LEVEL_GAP_PPM // 1_000_000)
    lots = _ratio(depth, listing.quote_precision)
    return Book(listing, Side(bid, -gap, lots, salt), Side(ask, gap, lots, salt + 1))


def _lots_at(ticks: int, step: int, lots: tuple[int, int], salt: int) -> int:
    share = SHARES[step] if step < len(SHARES) else 20
    jitter = 500 + (salt * 2_654_435_761 + step * 40_503) % 1_000
    over, under = lots
    return max(1, over * share * jitter // (under * ticks * 1_000_000))


@lru_cache(maxsize=4096)
def _ratio(depth: Decimal, precision: Decimal) -> tuple[int, int]:
    return EXACT.divide(depth, precision).as_integer_ratio()
