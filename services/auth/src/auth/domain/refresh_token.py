"""Refresh tokens: 256 random bits behind the user's id; only their hash is ever stored."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from auth.domain.errors import TokenInvalid
from shared.trading.identifiers import UserId

SECRET_BYTES = 32
_TEXT_LENGTH = 64


@dataclass(frozen=True, slots=True, repr=False)
class RefreshToken:
    """A token in the clear: on its way in or out, never at rest.

    Attributes:
        user_id: Whose rows to look at; the secret alone proves anything.
    """

    user_id: UserId
    secret: bytes

    def __repr__(self) -> str:
        return "RefreshToken(•••)"

    @property
    def text(self) -> str:
        """What the client holds: 64 URL-safe characters."""
        return base64.urlsafe_b64encode(self.user_id.bytes + self.secret).decode()

    @property
    def hash(self) -> bytes:
        """What the database holds; the secret has 256 bits, so a plain hash is enough."""
        return hashlib.sha256(self.user_id.bytes + self.secret).digest()

    def successor(self, server_key: bytes) -> RefreshToken:
        """The one token that follows this one: the same each time, so a lost reply can be repeated without storing it.

        Args:
            server_key: Known to this service alone; without it nobody can step along the chain.
        """
        secret = hmac.digest(server_key, b"successor" + self.user_id.bytes + self.secret, "sha256")
        return RefreshToken(self.user_id, secret)


def read_token(text: str) -> RefreshToken:
    """The token in a client's text.

    Raises:
        TokenInvalid: Not one of ours by its form.
    """
    if len(text) != _TEXT_LENGTH or not text.isascii():
        raise TokenInvalid
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except binascii.Error:
        raise TokenInvalid from None
    if len(raw) != 16 + SECRET_BYTES:
        raise TokenInvalid
    return RefreshToken(UserId(UUID(bytes=raw[:16])), raw[16:])
