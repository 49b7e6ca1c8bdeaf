"""A stored venue key: what we know about it, and its sealed credentials."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from keys.domain.errors import KeyNotUsable
from keys.domain.secret import Secret
from shared.trading.status import VenueEnvironment

EXPIRES_SOON = timedelta(days=14)


class KeyStatus(StrEnum):
    """Whether a key may be used."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"


class KeyKind(StrEnum):
    """How a key signs."""

    HMAC = "hmac"
    """With a secret that the venue made and the user pasted."""
    RSA = "rsa"
    """With a private key of ours, whose public half the user registered at the venue: no secret was ever pasted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A key in the clear: lives no longer than the call that needs it.

    Attributes:
        api_secret: The venue's secret (HMAC), or our private key, PKCS #8 in DER (RSA).
    """

    api_key: Secret
    api_secret: Secret
    kind: KeyKind = KeyKind.HMAC


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """Credentials at rest: two AES-256-GCM texts under a data key of their own, itself wrapped.

    Attributes:
        kek_version: Version of the key-encryption key that wraps the data key.
        wrapped: The data key, wrapped; without it nothing can ever be read again.
        kind: Part of what is authenticated: a record whose kind was changed does not open.
    """

    kek_version: int
    wrapped: bytes
    api_key: bytes
    api_secret: bytes
    kind: KeyKind = KeyKind.HMAC


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """What the venue says about a key.

    Attributes:
        venue_uid: The venue's user id.
        ips: Bound addresses; empty when it works from anywhere.
        expires_at: When the venue ends it; None when it does not.
        permissions_known: False where the venue cannot tell (demo).
        master: Whether it belongs to a main account; None where the venue cannot tell.
    """

    venue_uid: str
    permissions: dict[str, list[str]]
    read_only: bool
    ips: tuple[str, ...]
    expires_at: datetime | None
    permissions_known: bool = True
    master: bool | None = None

    def warnings(self, now: datetime) -> list[str]:
        """Stable codes of what the user should mend, worst first."""
        found = []
        if not self.permissions_known:
            found.append("permissions_unverifiable")
        elif not self.ips:
            found.append("no_ip_binding")
        if self.expires_at is not None and self.expires_at - now <= EXPIRES_SOON:
            found.append("expires_soon")
        if self.master:
            found.append("master_account")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A venue key of a user; also names the venue account that it opens.

    Attributes:
        account_hash: Keyed hash of environment and venue UID: limits and uniqueness belong to it.
        generation: Counts the credentials stored under this id; bound into their ciphertext.
        version: Counts the states of this key, for events.
        sealed: None once deleted.
    """

    key_id: UUID
    user_id: UUID
    label: str
    environment: VenueEnvironment
    account_hash: bytes
    hint: str
    facts: KeyFacts
    status: KeyStatus
    status_reason: str | None
    warnings: tuple[str, ...]
    created_at: datetime
    checked_at: datetime
    generation: int
    version: int
    sealed: Sealed | None
    last_used_at: datetime | None = None

    def usable(self) -> Sealed:
        """The sealed credentials of a key that may be used.

        Raises:
            KeyNotUsable: It is suspended (`key_suspended`) or deleted (`key_deleted`).
        """
        if self.status is KeyStatus.ACTIVE and self.sealed is not None:
            return self.sealed
        if self.status is KeyStatus.DELETED or self.sealed is None:
            raise KeyNotUsable("This key was deleted; nothing is signed with it.", code="key_deleted")
        raise KeyNotUsable(
            f"This key is suspended ({self.status_reason}); nothing is signed with it.",
            context={"reason": self.status_reason},
        )

    def days_left(self, now: datetime) -> int | None:
        """Whole days until the venue ends it."""
        return None if self.facts.expires_at is None else max(0, (self.facts.expires_at - now).days)

    def checked(self, facts: KeyFacts, now: datetime) -> StoredKey:
        """After a check that found nothing wrong; a suspension ends with it."""
        return replace(
            self,
            facts=facts,
            warnings=tuple(facts.warnings(now)),
            status=KeyStatus.ACTIVE,
            status_reason=None,
            checked_at=now,
            version=self.version + 1,
        )

    def suspended(self, reason: str, now: datetime, facts: KeyFacts | None = None) -> StoredKey:
        """After a check that found a reason not to trade with it."""
        return replace(
            self,
            facts=facts or self.facts,
            status=KeyStatus.SUSPENDED,
            status_reason=reason,
            checked_at=now,
            version=self.version + 1,
        )

    def deleted(self) -> StoredKey:
        """A tombstone: the wrapped data key and both ciphertexts are gone for good."""
        return replace(
            self, status=KeyStatus.DELETED, status_reason="deleted", sealed=None, version=self.version + 1, warnings=()
        )


def hint_of(api_key: str) -> str:
    """`first4…last4` of the api key, never of the secret; short keys show less than half of themselves."""
    shown = min(4, len(api_key) // 4)
    return f"{api_key[:shown]}…{api_key[-shown:]}" if shown else "…"
