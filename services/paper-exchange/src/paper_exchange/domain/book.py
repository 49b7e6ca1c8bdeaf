"""The order book around the mid price: made fresh for each tick, eaten by takers until the next."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from paper_exchange.domain.exact import mul, whole_steps
from paper_exchange.domain.listing import Listing
from paper_exchange.domain.price_walk import FINE

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


@dataclass(slots=True)
class Book:
    """Both sides, best price first; `lots` shrink as takers eat them."""

    listing: Listing
    bids: list[Level]
    asks: list[Level]

    def side_to_take(self, side: str) -> list[Level]:
        """The levels an order of this side trades against."""
        return self.asks if side == "Buy" else self.bids


def best_ticks(mid_fine: int) -> tuple[int, int]:
    """Best bid and best ask in ticks around a mid price in fine units; never crossed, never locked."""
    half = max(FINE // 2, mid_fine * HALF_SPREAD_PPM // 1_000_000)
    return max(1, (mid_fine - half) // FINE), -((-mid_fine - half) // FINE)


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
    bids = [
        Level(ticks, _lots(listing, ticks, depth, step, salt))
        for step in range(LEVELS)
        if (ticks := bid - step * gap) > 0
    ]
    asks = [Level(ask + step * gap, _lots(listing, ask + step * gap, depth, step, salt + 1)) for step in range(LEVELS)]
    return Book(listing, bids, asks)


def _lots(listing: Listing, ticks: int, depth: Decimal, step: int, salt: int) -> int:
    share = SHARES[step] if step < len(SHARES) else 20
    jitter = 500 + (salt * 2_654_435_761 + step * 40_503) % 1_000
    amount = mul(depth, Decimal(share * jitter).scaleb(-6))
    return max(1, whole_steps(amount, step=mul(Decimal(ticks), listing.quote_precision)))
