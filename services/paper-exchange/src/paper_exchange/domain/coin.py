"""A coin as the CoinGecko replay knows it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin:
    """A coin, its supply, and where its price comes from.

    Attributes:
        coin_id: CoinGecko's id, such as `bitcoin`.
        supply: Circulating, base units.
        tracks: Base coin of the listing whose simulated price counts; empty when `fixed_price` does.
        tracks_ratio: Price of one unit in units of the tracked coin.
        fixed_price: USD, where the venue lists nothing to follow.
        volume_24h: USD.
        categories: CoinGecko's category ids.
    """

    coin_id: str
    symbol: str
    name: str
    supply: Decimal
    tracks: str
    tracks_ratio: Decimal
    fixed_price: Decimal
    volume_24h: Decimal
    categories: frozenset[str]
