"""A pair that we made and whose public half the user is to register at the venue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from keys.domain.binding import Binding
from keys.domain.errors import KeyPairExpired
from keys.domain.secret import Secret
from shared.trading.status import VenueEnvironment

PAIR_LIFE = timedelta(days=1)
"""A pair that nobody completed is destroyed: a private key without a use is only a risk."""
WAITING_MAX = 5
"""Pairs of one user that wait at the same time."""
_GENERATION = 0
"""Stored keys count their generations from one: a pair's record never opens as a key's, nor the other way round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshPair:
    """A pair in the clear.

    Attributes:
        public_key: PEM, to be shown.
        private_key: PKCS #8 in DER.
    """

    public_key: str
    private_key: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedPrivateKey:
    """A private key at rest, under a data key of its own."""

    kek_version: int
    wrapped: bytes
    private_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A pair that waits for the venue's key id.

    Attributes:
        label: Of the key that it becomes.
        public_key: PEM; the user registers it at the venue.
    """

    pair_id: UUID
    user_id: UUID
    label: str
    environment: VenueEnvironment
    public_key: str
    created_at: datetime
    expires_at: datetime
    sealed: SealedPrivateKey

    def waiting(self, now: datetime) -> SealedPrivateKey:
        """The sealed private key of a pair that still waits.

        Raises:
            KeyPairExpired: It was not completed in time.
        """
        if now >= self.expires_at:
            raise KeyPairExpired("This key pair was not completed in time. Make a new one and register that.")
        return self.sealed


def pair_binding(*, environment: VenueEnvironment, user_id: UUID, pair_id: UUID) -> Binding:
    """What a pair's ciphertext is bound to."""
    return Binding(environment=environment, user_id=user_id, key_id=pair_id, generation=_GENERATION)
