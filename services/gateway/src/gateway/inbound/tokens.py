"""Access tokens: verified here with auth's public keys, one algorithm, every claim."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from shared.trading.clock import Clock
from shared.trading.errors import Denied

ALGORITHM = "EdDSA"
TYPE = "at+jwt"
LEEWAY_S = 5
LONGEST_LIFE_S = 660
LONGEST_TOKEN = 4096
REMEMBERED = 4096
"""Tokens that were verified: what was signed stays signed until it expires."""
_HEADER = {"alg", "typ", "kid"}


class TokenInvalid(Denied):
    """The access token is missing, forged, expired or not meant for us: one answer for all of them."""

    code = "token_invalid"
    title = "Sign in again"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: taken from the token and from nowhere else."""

    user_id: UUID
    role: str
    expires_at: datetime


class TokenKeys(Protocol):
    """The public keys of auth."""

    async def find(self, key_id: str) -> OKPKey | None:
        """The key of that id, if auth has it.

        Raises:
            Unavailable: auth does not answer and the key is not known here.
        """
        ...


class _OnlyEdDsa(JWSRegistry):
    """Whatever a header asks for, there is one algorithm."""

    def get_alg(self, name: str) -> Any:
        """EdDSA, or nothing."""
        if name != ALGORITHM:
            raise UnsupportedAlgorithmError
        return self.algorithms[ALGORITHM]


class AccessTokens:
    """Verifies access tokens.

    Args:
        issuer: The only accepted `iss`.
        audience: Must be in `aud`.
    """

    def __init__(self, keys: TokenKeys, *, issuer: str, audience: str, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._registry = _OnlyEdDsa()
        self._known: OrderedDict[str, Principal] = OrderedDict()
        self._claims = JWTClaimsRegistry(
            now=lambda: int(clock.now().timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )

    async def verify(self, token: str) -> Principal:
        """Who the token speaks for.

        Raises:
            TokenInvalid: it speaks for nobody.
            Unavailable: auth is away and the token's key is not known here.
        """
        known = self._known.get(token)
        if known is not None and self._clock.now() < known.expires_at:
            return known
        principal = await self._verified(token)
        self._known[token] = principal
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return principal

    async def _verified(self, token: str) -> Principal:
        key = await self._keys.find(_key_id(token))
        if key is None:
            raise TokenInvalid("The access token is not valid.")
        try:
            claims = jwt.decode(token, key, registry=self._registry).claims
            self._claims.validate(claims)
        except (JoseError, ValueError, TypeError):
            raise TokenInvalid("The access token is not valid, or its time is over. Sign in or refresh.") from None
        return _principal(claims)


def _key_id(token: str) -> str:
    """The key id of a header that has nothing but what ours have: no `jku`, `jwk`, `crit`, no other algorithm."""
    try:
        first = token[:LONGEST_TOKEN].split(".", 1)[0]
        header = json.loads(urlsafe_b64decode(first + "=" * (-len(first) % 4)))
        ours = len(token) <= LONGEST_TOKEN and set(header) == _HEADER
        if ours and header["alg"] == ALGORITHM and header["typ"] == TYPE:
            return str(header["kid"])
    except (ValueError, TypeError, RecursionError):
        pass
    raise TokenInvalid("The access token is not one of ours.")


def _principal(claims: dict[str, Any]) -> Principal:
    try:
        principal = Principal(
            user_id=UUID(str(claims["sub"])),
            role=str(claims.get("role", "user")),
            expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
        )
        life_s = int(claims["exp"]) - int(claims["iat"])
    except (ValueError, TypeError, OverflowError):
        raise TokenInvalid("The access token is not valid.") from None
    if not 0 < life_s <= LONGEST_LIFE_S:
        raise TokenInvalid("The access token lives longer than ours do.")
    return principal
