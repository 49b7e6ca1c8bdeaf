"""The indices that come with the product."""

from __future__ import annotations

from decimal import Decimal

from market_data.domain.index_rules import RANK_BUFFER, IndexRules, Weighting
from shared.trading.money import ONE

CEILING = Decimal("0.30")
"""The square root tames the largest by itself and needs none."""
FLOOR_VOLUME = Decimal(1_000_000)
"""US dollars a day: below, a basket order of ordinary size moves the price by itself."""
FLOOR_AGE_DAYS = 30
_CLEAN = "No stable, wrapped, staked, bridged, leveraged or tokenised coins."
_WORDS = {
    Weighting.MARKET_CAP: "weighted by market cap, none above 30 %",
    Weighting.SQRT_CAP: "weighted by the square root of market cap",
    Weighting.EQUAL: "all at the same weight",
}
_NAMES = {Weighting.MARKET_CAP: "", Weighting.SQRT_CAP: " by √cap", Weighting.EQUAL: " equal"}
_IDS = {Weighting.MARKET_CAP: "", Weighting.SQRT_CAP: "-sqrt", Weighting.EQUAL: "-equal"}


def top(size: int, weighting: Weighting = Weighting.MARKET_CAP) -> IndexRules:
    """The `size` largest coins."""
    return IndexRules(
        index_id=f"top-{size}{_IDS[weighting]}",
        name=f"Top {size}{_NAMES[weighting]}",
        description=f"The {size} largest coins that can be bought at the venue, {_WORDS[weighting]}. {_CLEAN}",
        size=size,
        weighting=weighting,
        weight_cap=ONE if weighting is Weighting.SQRT_CAP else CEILING,
        buffer=RANK_BUFFER,
        min_volume=FLOOR_VOLUME,
        min_age_days=FLOOR_AGE_DAYS,
    )


BUILT_IN: tuple[IndexRules, ...] = (
    *(top(size) for size in (5, 10, 20)),
    *(top(size, Weighting.SQRT_CAP) for size in (5, 10, 20)),
    top(10, Weighting.EQUAL),
    top(50),
    top(50, Weighting.SQRT_CAP),
)
"""In the order in which they are made: the widest last, since more coins have to prove who they are."""
