from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from market_data.domain.errors import SourceUnavailable
from market_data.outbound.coingecko import EXCLUDING, CoinGeckoSource
from shared.testing import FakeClock

MARKETS = "/api/v3/coins/markets"


def a_row(name: str, *, price: str = "1.000000000000000001") -> str:
    return (
        f'{{"id": "{name}", "symbol": "{name[:3]}", "name": "{name}", "current_price": {price}, '
        '"market_cap": 2364440000000.5, "last_updated": "2026-11-20T12:00:00.000Z"}'
    )


def a_page(*rows: str) -> bytes:
    return f"[{', '.join(rows)}]".encode()


@pytest.fixture
async def source(host: Any) -> AsyncIterator[CoinGeckoSource]:
    made = CoinGeckoSource(f"{host.url}/api/v3", FakeClock())
    yield made
    await made.close()


async def test_one_pull_is_a_page_and_the_members_of_each_excluding_category(
    host: Any, source: CoinGeckoSource
) -> None:
    host.says(MARKETS, a_page(a_row("bitcoin"), a_row("tether")))
    for category in EXCLUDING:
        host.says(MARKETS, a_page(), category=category)
    host.says(MARKETS, a_page(a_row("tether"), a_row("unknown")), category="stablecoins")
    listing = await source.coins()
    assert [(coin.source_id, sorted(coin.categories)) for coin in listing.coins] == [
        ("bitcoin", []),
        ("tether", ["stablecoins"]),
    ]
    assert listing.coins[0].price == Decimal("1.000000000000000001")
    assert len(host.asked) == 1 + len(EXCLUDING)


async def test_a_category_that_is_not_known_there_does_not_stop_the_pull(host: Any, source: CoinGeckoSource) -> None:
    host.says(MARKETS, a_page(a_row("bitcoin")))
    assert [coin.source_id for coin in (await source.coins()).coins] == ["bitcoin"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"status": {"error_code": 429, "error_message": "You have exceeded the rate limit"}}', 429),
        (b"<html>bad gateway</html>", 502),
        (b"<html>fine</html>", 200),
        (b'{"status": "ok"}', 200),
        (b"", 200),
    ],
)
async def test_an_answer_that_cannot_be_used_is_no_answer(
    host: Any, source: CoinGeckoSource, body: bytes, status: int
) -> None:
    host.says(MARKETS, body, status=status)
    with pytest.raises(SourceUnavailable):
        await source.coins()


async def test_nobody_there_is_no_answer() -> None:
    source = CoinGeckoSource("http://127.0.0.1:9/api/v3/", FakeClock())
    with pytest.raises(SourceUnavailable):
        await source.coins()
    await source.close()
