"""Access tokens: JWT after RFC 9068, signed with Ed25519, ten minutes at most."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import UnsupportedAlgorithmError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry

from auth.domain.session import Session
from auth.domain.user import User
from auth.outbound.key_file import KeyFile
from shared.trading.clock import Ids

ALGORITHM = "EdDSA"
"""The name that clients know; RFC 9864 would call it Ed25519, and most libraries do not know that yet."""


class _OnlyEdDsa(JWSRegistry):
    """There is one algorithm."""

    def get_alg(self, name: str) -> Any:
        """EdDSA, or nothing."""
        if name != ALGORITHM:
            raise UnsupportedAlgorithmError
        return self.algorithms[ALGORITHM]


class SignedAccessTokens:
    """Issues tokens and publishes the keys to check them.

    Args:
        lifetime_s: Seconds from issue to expiry.
    """

    def __init__(self, keys: KeyFile, *, issuer: str, audience: str, lifetime_s: int, ids: Ids) -> None:
        self.lifetime_s = lifetime_s
        self._issuer = issuer
        self._audience = audience
        self._ids = ids
        self._registry = _OnlyEdDsa()
        published = {version: _key(keys.signing_key(version)) for version in keys.live}
        self._signing = published[keys.current]
        self._published = list(published.values())

    def issue(self, user: User, session: Session, now: datetime) -> str:
        """A token for `lifetime_s` seconds, never beyond the session's end."""
        issued = int(now.timestamp())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(user.user_id),
            "iat": issued,
            "exp": min(issued + self.lifetime_s, int(session.expires_at.timestamp())),
            "jti": str(self._ids.uuid()),
            "role": user.role.value,
            "sid": str(session.session_id),
            "epoch": user.epoch,
        }
        header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": self._signing.kid}
        return jwt.encode(header, claims, self._signing, registry=self._registry)

    def jwks(self) -> list[dict[str, Any]]:
        """The live public keys, RFC 7517."""
        return [key.as_dict(private=False, use="sig", alg=ALGORITHM) for key in self._published]


def _key(private: Ed25519PrivateKey) -> OKPKey:
    key = OKPKey.import_key(private)
    key.ensure_kid()
    return key
