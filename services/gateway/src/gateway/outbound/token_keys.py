"""The public keys of access tokens, asked from auth and nobody else; fetched again when an unknown one appears."""

from __future__ import annotations

import asyncio
import contextlib

from joserfc.jwk import OKPKey

from shared.contracts.rpc import auth
from shared.contracts.rpc.verb import Empty
from shared.runtime.rpc import RpcClient
from shared.trading.clock import Clock
from shared.trading.errors import Unavailable

AGAIN_S = 5.0
"""Forged key ids must not become a flood of questions."""
STALE_S = 300.0
FAILED_S = 1.0


class AuthTokenKeys:
    """Ed25519 keys by their id."""

    def __init__(self, ask: RpcClient, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._keys: dict[str, OKPKey] = {}
        self._asked_at: float | None = None
        self._asking = asyncio.Lock()
        self._failure: Unavailable | None = None
        self._failed_at = 0.0

    async def find(self, key_id: str) -> OKPKey | None:
        """The key of that id, if auth has it.

        Raises:
            Unavailable: auth does not answer and the key is not known here.
        """
        if key_id not in self._keys:
            await self._refresh(key_id)
        elif self._older_than(STALE_S):
            # A withdrawn key must not be good for ever; while auth is away, what was known stands.
            with contextlib.suppress(Unavailable):
                await self._refresh(None)
        return self._keys.get(key_id)

    async def _refresh(self, key_id: str | None) -> None:
        async with self._asking:
            if key_id in self._keys or not self._older_than(AGAIN_S):
                return
            found = await self._jwks()
            self._asked_at = self._clock.monotonic()
            self._keys = {
                str(key["kid"]): OKPKey.import_key(key)
                for key in found.keys
                if key.get("kty") == "OKP" and key.get("crv") == "Ed25519" and "d" not in key and key.get("kid")
            }

    async def _jwks(self) -> auth.Jwks:
        """Those who queued behind a question that failed share its answer instead of waiting again, one by one."""
        now = self._clock.monotonic()
        if self._failure is not None and now - self._failed_at < FAILED_S:
            raise self._failure
        try:
            found = await self._ask.ask(auth.JWKS, Empty())
        except Unavailable as error:
            self._failure, self._failed_at = error, self._clock.monotonic()
            raise
        self._failure = None
        return found

    def _older_than(self, seconds: float) -> bool:
        return self._asked_at is None or self._clock.monotonic() - self._asked_at >= seconds
