"""Recognises venue accounts by a keyed hash, so that uniqueness needs no readable list of them."""

from __future__ import annotations

import hmac
from hashlib import sha256

from keys.domain.secret import Secret
from shared.trading.status import VenueEnvironment


class HashedAccountIndex:
    """A keyed hash of environment and venue UID.

    Args:
        key: Never stored in the database; without it a guess cannot be checked.
    """

    def __init__(self, key: Secret) -> None:
        self._key = key

    def hash_of(self, environment: VenueEnvironment, venue_uid: str) -> bytes:
        """32 bytes: equal for the same account, useless to whoever finds them."""
        return hmac.new(self._key.reveal(), f"{environment}|{venue_uid}".encode(), sha256).digest()
