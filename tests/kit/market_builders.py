"""Index compositions for tests of market-data."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from market_data.domain.built_in import top
from market_data.domain.index_version import Composition, Constituent, Exclusion


def a_composition(first_weight: str = "0.300000000001") -> Composition:
    """Two coins and two exclusions, with awkward numbers."""

    def coin(asset: str, weight: Decimal, rank: int) -> Constituent:
        return Constituent(
            asset=asset,
            symbol=f"{asset}USDT",
            source_id=asset.lower(),
            name=asset,
            market_cap=Decimal("2364440000000.123456789"),
            price=Decimal("0.000000012345678901"),
            weight=weight,
            rank=rank,
        )

    first = Decimal(first_weight)
    return Composition(
        rules=top(10),
        constituents=(coin("BTC", first, 1), coin("ETH", 1 - first, 2)),
        exclusions=(
            Exclusion(asset="USDT", source_id="tether", rank=3, reason="category:stablecoins"),
            Exclusion(asset="WBTC", source_id="wrapped-bitcoin", rank=4, reason="category:wrapped-tokens"),
        ),
        as_of=datetime(2026, 11, 20, 12, 0, tzinfo=UTC),
    )
