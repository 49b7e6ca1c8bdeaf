"""What each member weighs."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from market_data.domain.candidate import Candidate
from market_data.domain.index_rules import IndexRules, Weighting
from market_data.domain.index_version import Constituent
from shared.trading.money import EXACT, ONE, ZERO
from shared.trading.weights import bounded_weights


def weigh(rules: IndexRules, chosen: Sequence[Candidate]) -> tuple[Constituent, ...]:
    """The members with their weights, which sum to exactly 1.

    Raises:
        InfeasibleCap, InfeasibleFloor: The rules contradict themselves.
    """
    weights = _weights(rules, chosen)
    return tuple(
        Constituent(
            asset=item.asset,
            symbol=item.instrument.symbol,
            source_id=item.source_id,
            name=item.coin.name,
            market_cap=item.coin.market_cap,
            price=item.coin.price,
            weight=weights[item.source_id],
            rank=item.rank,
            volume=item.coin.volume,
        )
        for item in chosen
    )


def _weights(rules: IndexRules, chosen: Sequence[Candidate]) -> dict[str, Decimal]:
    if rules.weighting is Weighting.FIXED:
        # A coin that cannot be bought any more leaves its weight to the others, in proportion.
        return bounded_weights({one.source_id: rules.fixed[one.asset] for one in chosen}, cap=ONE, floor=ZERO)
    values = {one.source_id: proportional_to(rules.weighting, one.coin.market_cap) for one in chosen}
    return bounded_weights(values, cap=rules.weight_cap, floor=rules.weight_floor)


def proportional_to(weighting: Weighting, market_cap: Decimal) -> Decimal:
    """What a weight is in proportion to; any unit."""
    if weighting is Weighting.SQRT_CAP:
        return market_cap.sqrt(EXACT)
    return ONE if weighting is Weighting.EQUAL else market_cap
