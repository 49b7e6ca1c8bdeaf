"""The reviewed table: which coin of the source is which coin of the venue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from market_data.domain.coin import SourceCoin


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedCoin:
    """One reviewed row.

    Attributes:
        source_symbol: The source's ticker at the time of the review, upper case.
        base: The venue's base coin; empty when no pair is known.
        excluded_as: The category for which it is never in an index; empty for an ordinary coin.
        known_since: The first day on which it was seen among the largest; None when nobody noted it.
    """

    source_id: str
    source_symbol: str
    base: str
    excluded_as: str
    known_since: date | None = None

    def names(self, coin: SourceCoin) -> bool:
        """Whether the row's three names agree: the source's ticker, the reviewed ticker and the venue's coin.

        A row swapped with another one disagrees here even when both coins cost the same.
        """
        return self.source_id == coin.source_id and self.source_symbol == coin.symbol == self.base


ReviewedTable = Mapping[str, ReviewedCoin]
"""Reviewed rows by the source's id."""
