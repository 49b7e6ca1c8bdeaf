"""The CoinGecko replay: real ids and supplies, simulated prices, on a port of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from paper_exchange.application.market import Market
from paper_exchange.domain.coin import Coin
from paper_exchange.domain.digits import is_whole
from paper_exchange.domain.exact import mul
from paper_exchange.inbound.exchange_http import (
    Receive,
    Reply,
    Request,
    Scope,
    Send,
    json_reply,
    read_request,
    send_reply,
)
from shared.trading.clock import from_epoch_ms

PREFIX = "/api/v3/"
MAX_PER_PAGE = 250
ORDERS = {
    "market_cap_desc": ("market_cap", True),
    "market_cap_asc": ("market_cap", False),
    "volume_desc": ("total_volume", True),
    "volume_asc": ("total_volume", False),
    "id_asc": ("id", False),
    "id_desc": ("id", True),
}


class CoinGeckoApp:
    """An ASGI application that answers like CoinGecko, as far as an index needs it.

    Args:
        market: Where the prices come from.
        coins: The coins it knows.
    """

    def __init__(self, market: Market, coins: Sequence[Coin]) -> None:
        self._market = market
        self._coins = coins
        self._by_base = {listing.base: listing.symbol for listing in market.listings.values()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        request = await read_request(scope, receive)
        if request is not None:
            await send_reply(send, self._answer(request))

    def _answer(self, request: Request) -> Reply:
        path = request.path.removeprefix(PREFIX)
        if request.method != "GET":
            return json_reply({"error": "Method Not Allowed"}, 405)
        if path == "ping":
            return json_reply({"gecko_says": "(V3) To the Moon!"})
        if path == "coins/markets":
            return self._markets(request.params)
        if path == "coins/list":
            return json_reply([{"id": coin.coin_id, "symbol": coin.symbol, "name": coin.name} for coin in self._coins])
        if path == "coins/categories/list":
            names = sorted({name for coin in self._coins for name in coin.categories})
            return json_reply([{"category_id": name, "name": name.replace("-", " ").title()} for name in names])
        return json_reply({"error": "Not Found"}, 404)

    def _markets(self, params: Mapping[str, str]) -> Reply:
        if params.get("vs_currency") != "usd":
            return json_reply({"error": "invalid vs_currency"}, 422)
        rows = self._ranked()
        category, ids = params.get("category", ""), params.get("ids", "")
        if category:
            members = {coin.coin_id for coin in self._coins if category in coin.categories}
            rows = [row for row in rows if row["id"] in members]
        elif ids:
            wanted = set(ids.split(","))
            rows = [row for row in rows if row["id"] in wanted]
        field, descending = ORDERS.get(params.get("order", ""), ORDERS["market_cap_desc"])
        rows.sort(key=lambda row: row[field], reverse=descending)
        size = min(MAX_PER_PAGE, max(1, _number(params.get("per_page"), 100)))
        start = (max(1, _number(params.get("page"), 1)) - 1) * size
        return json_reply([_as_json(row) for row in rows[start : start + size]])

    def _ranked(self) -> list[dict[str, Any]]:
        rows = [self._row(coin) for coin in self._coins]
        rows.sort(key=lambda row: row["market_cap"], reverse=True)
        for rank, row in enumerate(rows, 1):
            row["market_cap_rank"] = rank
        return rows

    def _row(self, coin: Coin) -> dict[str, Any]:
        price = self.price(coin)
        cap = mul(price, coin.supply)
        return {
            "id": coin.coin_id,
            "symbol": coin.symbol,
            "name": coin.name,
            "image": "",
            "current_price": price,
            "market_cap": cap,
            "market_cap_rank": None,
            "fully_diluted_valuation": cap,
            "total_volume": coin.volume_24h,
            "high_24h": price,
            "low_24h": price,
            "price_change_24h": Decimal(0),
            "price_change_percentage_24h": Decimal(0),
            "market_cap_change_24h": Decimal(0),
            "market_cap_change_percentage_24h": Decimal(0),
            "circulating_supply": coin.supply,
            "total_supply": coin.supply,
            "max_supply": None,
            "ath": price,
            "ath_change_percentage": Decimal(0),
            "ath_date": None,
            "atl": price,
            "atl_change_percentage": Decimal(0),
            "atl_date": None,
            "roi": None,
            "last_updated": from_epoch_ms(self._market.ticked_ms).strftime("%Y-%m-%dT%H:%M:%S.")
            + f"{self._market.ticked_ms % 1000:03d}Z",
        }

    def price(self, coin: Coin) -> Decimal:
        """USD: the simulated price of what the coin follows, or its fixed price."""
        symbol = self._by_base.get(coin.tracks)
        if symbol is None:
            return coin.fixed_price
        return mul(self._market.walk.mid(symbol), coin.tracks_ratio)


def _number(text: str | None, default: int) -> int:
    return int(text) if text and is_whole(text, longest=9) else default


def _as_json(row: dict[str, Any]) -> dict[str, Any]:
    """CoinGecko answers JSON numbers; the only place where an amount becomes one, on its way out."""
    return {name: _json_number(value) if isinstance(value, Decimal) else value for name, value in row.items()}


def _json_number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
