"""The public keys of access tokens, asked from auth and nobody else; fetched again when an unknown one appears."""

from __future__ import annotations

import asyncio

from joserfc.jwk import OKPKey

from shared.contracts.rpc import auth
from shared.contracts.rpc.verb import Empty
from shared.runtime.rpc import RpcClient
from shared.trading.clock import Clock

AGAIN_S = 5.0
"""Forged key ids must not become a flood of questions."""


class AuthTokenKeys:
    """Ed25519 keys by their id."""

    def __init__(self, ask: RpcClient, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._keys: dict[str, OKPKey] = {}
        self._asked_at: float | None = None
        self._asking = asyncio.Lock()

    async def find(self, key_id: str) -> OKPKey | None:
        """The key of that id, if auth has it.

        Raises:
            Unavailable: auth does not answer and the key is not known here.
        """
        if key_id not in self._keys:
            await self._refresh(key_id)
        return self._keys.get(key_id)

    async def _refresh(self, key_id: str) -> None:
        async with self._asking:
            if key_id in self._keys or self._asked_lately():
                return
            found = await self._ask.ask(auth.JWKS, Empty())
            self._asked_at = self._clock.monotonic()
            self._keys = {
                str(key["kid"]): OKPKey.import_key(key)
                for key in found.keys
                if key.get("kty") == "OKP" and key.get("crv") == "Ed25519" and "d" not in key and key.get("kid")
            }

    def _asked_lately(self) -> bool:
        return self._asked_at is not None and self._clock.monotonic() - self._asked_at < AGAIN_S
