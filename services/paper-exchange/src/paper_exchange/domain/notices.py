"""What the venue has announced about its pairs: halts, delistings, other rules."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

from paper_exchange.domain.listing import Listing

RULES = frozenset({"lot_size", "min_quantity", "min_amount", "max_amount"})
"""The rules of a listing that may change."""


@dataclass(slots=True)
class Notices:
    """What stands about the pairs now, each by its symbol.

    Attributes:
        halted: Since when nothing trades it, epoch milliseconds.
        delisted: Since when it is off the list, epoch milliseconds.
        rules: What is no longer as in the list, by the names of `Listing`.
    """

    halted: dict[str, int] = field(default_factory=dict)
    delisted: dict[str, int] = field(default_factory=dict)
    rules: dict[str, dict[str, Decimal]] = field(default_factory=dict)

    def applied_to(self, listing: Listing) -> Listing:
        """A pair of the list by the rules of now."""
        rules = self.rules.get(listing.symbol)
        return replace(listing, **rules) if rules else listing  # type: ignore[arg-type]

    def clear(self) -> None:
        """Everything is as the list says."""
        for told in (self.halted, self.delisted, self.rules):
            told.clear()
