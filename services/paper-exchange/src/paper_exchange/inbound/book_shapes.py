"""Order books as rows of text."""

from __future__ import annotations

from itertools import islice

from paper_exchange.domain.book import Level, Side
from paper_exchange.domain.listing import Listing
from shared.trading.money import plain


def top(listing: Listing, side: Side) -> tuple[str, str]:
    """Price and size of the first level that stands; both zero when takers ate everything."""
    return level_text(listing, next(side.standing(), None))


def level_text(listing: Listing, level: Level | None) -> tuple[str, str]:
    """Price and size of a level; both zero where there is none."""
    if level is None:
        return "0", "0"
    return plain(listing.price_of(level.ticks)), plain(listing.quantity_of(level.lots))


def book_rows(listing: Listing, side: Side, limit: int) -> list[list[str]]:
    """Up to `limit` levels, best first, as price and size."""
    return [
        [plain(listing.price_of(level.ticks)), plain(listing.quantity_of(level.lots))]
        for level in islice(side.standing(), limit)
    ]
