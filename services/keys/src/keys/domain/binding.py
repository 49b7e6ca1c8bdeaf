"""What a ciphertext is bound to: moved to another row, user, environment or field it does not open."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from keys.domain.stored_key import StoredKey
from shared.trading.status import VenueEnvironment

FORMAT = 1
"""Version of the record's layout; part of what is authenticated."""
EXCHANGE = "bybit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """The identity of a key record."""

    environment: VenueEnvironment
    user_id: UUID
    key_id: UUID
    generation: int

    @classmethod
    def of(cls, key: StoredKey) -> Binding:
        """The binding of a stored key."""
        return cls(environment=key.environment, user_id=key.user_id, key_id=key.key_id, generation=key.generation)

    def aad(self, field: str) -> bytes:
        """Additional authenticated data of one field: each part with its length, so that no two lists look alike."""
        parts = (
            f"basketry-keys-{FORMAT}",
            self.environment.value,
            str(self.user_id),
            str(self.key_id),
            EXCHANGE,
            str(self.generation),
            field,
        )
        return b"".join(len(part.encode()).to_bytes(2, "big") + part.encode() for part in parts)
