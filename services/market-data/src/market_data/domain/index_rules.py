"""The rules of the built-in indices."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRules:
    """How an index is put together.

    Attributes:
        size: Number of constituents.
        weight_cap: Largest weight, a fraction; what is above it is spread over the others.
    """

    index_id: str
    name: str
    description: str
    size: int
    weight_cap: Decimal
    weighting: str = "market_cap"


def _top(size: int) -> IndexRules:
    return IndexRules(
        index_id=f"top-{size}",
        name=f"Top {size}",
        description=(
            f"The {size} largest coins that can be bought at the venue, weighted by market cap, none above 30 %. "
            "No stable, wrapped, staked, bridged, leveraged or tokenised coins."
        ),
        size=size,
        weight_cap=Decimal("0.30"),
    )


BUILT_IN: tuple[IndexRules, ...] = (_top(5), _top(10), _top(20))
