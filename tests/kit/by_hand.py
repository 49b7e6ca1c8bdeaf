"""A user who trades on their own account beside us, with a key of their own: ordinary signed orders."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

WINDOW_MS = 5000


@dataclass(frozen=True)
class ByHand:
    """One account at the paper exchange, by its web site so to speak."""

    exchange_url: str
    headers: Mapping[str, str]
    uid: str
    api_key: str
    api_secret: str

    async def trades(self, symbol: str, side: str, quantity: str) -> None:
        """A market order in base units, without a client order id of ours."""
        body = {
            "category": "spot",
            "symbol": symbol,
            "side": side,
            "orderType": "Market",
            "qty": quantity,
            "marketUnit": "baseCoin",
        }
        text = json.dumps(body)
        stamp = str(time.time_ns() // 1_000_000)
        signed = f"{stamp}{self.api_key}{WINDOW_MS}{text}".encode()
        headers = {
            "X-BAPI-API-KEY": self.api_key,
            "X-BAPI-TIMESTAMP": stamp,
            "X-BAPI-RECV-WINDOW": str(WINDOW_MS),
            "X-BAPI-SIGN": hmac.new(self.api_secret.encode(), signed, hashlib.sha256).hexdigest(),
            "Content-Type": "application/json",
        }
        answer = await self._post("/v5/order/create", content=text, headers=headers)
        assert answer["retCode"] == 0, answer

    async def moves(self, coin: str, amount: str) -> str:
        """Coins in (positive) or out (negative); the id of the line in the transaction log."""
        answer = await self._post("/paper/v1/deposits", json={"uid": self.uid, "coin": coin, "amount": amount})
        return str(answer["id"])

    async def _post(self, path: str, **request: Any) -> dict[str, Any]:
        async with httpx.AsyncClient(
            base_url=self.exchange_url, headers=self.headers, trust_env=False, timeout=15
        ) as client:
            reply = await client.post(path, **request)
        assert reply.status_code < 300, reply.text
        found: dict[str, Any] = reply.json()
        return found


async def with_a_key_of_their_own(exchange_url: str, uid: str, headers: Mapping[str, str] | None = None) -> ByHand:
    """Somebody at the venue's web site: a second key of the same account; `headers` for the control paths."""
    headers = headers or {}
    async with httpx.AsyncClient(base_url=exchange_url, headers=headers, trust_env=False, timeout=15) as client:
        made = (await client.post("/paper/v1/keys", json={"uid": uid})).json()
    return ByHand(
        exchange_url=exchange_url,
        headers=headers,
        uid=uid,
        api_key=made["api_key"],
        api_secret=made["api_secret"],
    )
