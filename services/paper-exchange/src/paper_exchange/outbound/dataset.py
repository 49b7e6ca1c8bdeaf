"""The venue's own data: what is listed, and the coins of the CoinGecko replay."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from importlib import resources
from typing import Any

from paper_exchange.domain.coin import Coin
from paper_exchange.domain.contract import Contract
from paper_exchange.domain.listing import Listing

_CONTRACT_AMOUNTS = (
    "tracks_ratio",
    "tick_size",
    "lot_size",
    "min_quantity",
    "max_quantity",
    "max_market_quantity",
    "max_leverage",
    "ratio_x",
    "ratio_y",
)


def load_listings() -> list[Listing]:
    """All spot pairs, in the order of the file."""
    return [
        Listing(
            symbol=row["symbol"],
            base=row["base"],
            tick_size=Decimal(row["tick_size"]),
            lot_size=Decimal(row["lot_size"]),
            min_quantity=Decimal(row["min_quantity"]),
            base_price=Decimal(row["base_price"]),
            daily_volatility_bps=int(row["daily_volatility_bps"]),
            depth=Decimal(row["depth"]),
            max_amount=Decimal(row["max_amount"]),
            ratio_x=Decimal(row["ratio_x"]),
            ratio_y=Decimal(row["ratio_y"]),
            symbol_type=row["symbol_type"],
            tracks=row["tracks"],
            tracks_ratio=Decimal(row["tracks_ratio"] or "1"),
        )
        for row in _rows("listings.csv")
    ]


def load_contracts() -> list[Contract]:
    """All USDT perpetuals, in the order of the file."""
    return [
        Contract(
            symbol=row["symbol"],
            base=row["base"],
            tracks=row["tracks"],
            launch_ms=int(row["launch_ms"]),
            funding_minutes=int(row["funding_minutes"]),
            **_amounts(row),
        )
        for row in _rows("linear.csv")
    ]


def _amounts(row: dict[str, str]) -> dict[str, Any]:
    return {name: Decimal(row[name]) for name in _CONTRACT_AMOUNTS}


def load_coins() -> list[Coin]:
    """All coins of the CoinGecko replay."""
    return [
        Coin(
            coin_id=row["id"],
            symbol=row["symbol"],
            name=row["name"],
            supply=Decimal(row["circulating_supply"]),
            tracks=row["tracks"],
            tracks_ratio=Decimal(row["tracks_ratio"] or "1"),
            fixed_price=Decimal(row["fixed_price"] or "0"),
            volume_24h=Decimal(row["volume_24h"]),
            categories=frozenset(row["categories"].split("|")) - {""},
        )
        for row in _rows("coins.csv")
    ]


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = resources.files("paper_exchange.outbound").joinpath("data", name).read_text(encoding="utf-8")
    return csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
