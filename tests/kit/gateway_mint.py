"""Access tokens as auth signs them, and as a forger would."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry


class _EdDsa(JWSRegistry):
    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


@dataclass
class TokenMint:
    """Auth's signing key in the test's hand."""

    key: OKPKey = field(default_factory=lambda: OKPKey.generate_key("Ed25519", {"kid": "first"}))

    def token(
        self,
        user_id: UUID,
        *,
        life_s: int = 600,
        header: dict[str, Any] | None = None,
        key: OKPKey | None = None,
        **claims: Any,
    ) -> str:
        now = int(datetime.now(UTC).timestamp())
        body = {
            "iss": "urn:basketry:auth",
            "aud": "basketry",
            "sub": str(user_id),
            "role": "user",
            "iat": now if life_s > 0 else now + life_s - 60,
            "exp": now + life_s,
        }
        head = {"alg": "EdDSA", "typ": "at+jwt", "kid": "first", **(header or {})}
        return jwt.encode(head, {**body, **claims}, key or self.key, registry=_EdDsa(strict_check_header=False))
