"""Take a venue key: ask the venue what it may do, refuse the dangerous ones, store the rest sealed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from keys.application.book_ports import AccountHolder, ChangeKind, KeyBook, KeyUnit
from keys.application.ports import AccountIndex, KeyVenue, Vault
from keys.domain.audit import AuditDraft
from keys.domain.binding import Binding
from keys.domain.endpoints import Caller
from keys.domain.errors import KeyAccountTaken, KeyExpired, KeyExpiryNotAccepted, KeyMalformed
from keys.domain.permissions import judge
from keys.domain.stored_key import Credentials, KeyFacts, KeyKind, KeyStatus, StoredKey, hint_of
from shared.trading.clock import Clock, Ids
from shared.trading.status import VenueEnvironment

CHECK_EVERY = timedelta(days=1)
LABEL_MAX = 60
_TYPED = re.compile(rb"[A-Za-z0-9._-]{8,128}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What somebody wants to connect.

    Attributes:
        accepts_expiry: The user confirmed that a key without bound addresses dies after 90 days.
    """

    user_id: UUID
    label: str
    environment: VenueEnvironment
    credentials: Credentials
    accepts_expiry: bool = False


class AddKey:
    """Stores a key after checking it at the venue."""

    def __init__(
        self, *, book: KeyBook, vault: Vault, venue: KeyVenue, accounts: AccountIndex, clock: Clock, ids: Ids
    ) -> None:
        self._book = book
        self._vault = vault
        self._venue = venue
        self._accounts = accounts
        self._clock = clock
        self._ids = ids

    async def __call__(self, new: NewKey) -> StoredKey:
        """Store the key, or replace the user's own one for the same venue account: the account keeps its id.

        Raises:
            KeyRefused: The key, its rights or its life; the code says which.
            KeyAccountTaken: Another user holds the venue account.
            VenueAway: The venue does not answer; nothing was stored.
        """
        check_form(new)
        facts = await self._venue.describe(new.environment, new.credentials)
        now = self._clock.now()
        accept(facts, now)
        check_bound(new, facts)
        account_hash = self._accounts.hash_of(new.environment, facts.venue_uid)
        async with self._book.unit(new.user_id) as unit:
            key_id = await self._hold(unit, new, account_hash)
            key = await self._sealed(new, facts, await unit.lock(key_id), key_id, account_hash)
            await unit.put(key)
            await unit.schedule_check(key, now + CHECK_EVERY)
            await unit.audit(_entry(key, now))
            await unit.announce(ChangeKind.ADDED, key)
        self._vault.forget(key_id)
        return key

    async def _hold(self, unit: KeyUnit, new: NewKey, account_hash: bytes) -> UUID:
        fresh = AccountHolder(user_id=new.user_id, key_id=self._ids.uuid(), released=False)
        holder = await unit.hold_account(new.environment, account_hash, fresh)
        ours = holder.user_id == new.user_id
        if not ours and not holder.released:
            raise KeyAccountTaken(
                "This venue account is connected to another user of Basketry. Delete the key there first."
            )
        if holder.released:
            # The same user finds the old account again, with its positions; somebody else starts a new one.
            taken = AccountHolder(user_id=new.user_id, key_id=holder.key_id if ours else fresh.key_id, released=False)
            await unit.hand_over(new.environment, account_hash, taken)
            return taken.key_id
        return holder.key_id

    async def _sealed(
        self, new: NewKey, facts: KeyFacts, known: StoredKey | None, key_id: UUID, account_hash: bytes
    ) -> StoredKey:
        now = self._clock.now()
        generation = known.generation + 1 if known else 1
        binding = Binding(environment=new.environment, user_id=new.user_id, key_id=key_id, generation=generation)
        return StoredKey(
            key_id=key_id,
            user_id=new.user_id,
            label=new.label.strip(),
            environment=new.environment,
            account_hash=account_hash,
            hint=hint_of(new.credentials.api_key.reveal_text()),
            facts=facts,
            status=KeyStatus.ACTIVE,
            status_reason=None,
            warnings=tuple(facts.warnings(now)),
            created_at=known.created_at if known else now,
            checked_at=now,
            generation=generation,
            version=known.version + 1 if known else 1,
            sealed=await self._vault.seal(binding, new.credentials),
            last_used_at=known.last_used_at if known else None,
        )


def accept(facts: KeyFacts, now: datetime) -> None:
    """Refuse a key that may do too much, too little, or nothing any more.

    Raises:
        KeyRefused: The code says why.
    """
    if facts.permissions_known:
        judge(facts.permissions, read_only=facts.read_only)
    if facts.expires_at is not None and facts.expires_at <= now:
        raise KeyExpired("This key has expired at the venue. Make a new one there.")


def check_bound(new: NewKey, facts: KeyFacts) -> None:
    """For live trading a key that works from anywhere needs the user's word; elsewhere it is a warning.

    Raises:
        KeyExpiryNotAccepted: There is none.
    """
    if new.environment is VenueEnvironment.MAINNET and not facts.ips and not new.accepts_expiry:
        raise KeyExpiryNotAccepted(
            "Bybit ends a key without bound addresses after 90 days, and whoever steals it can use it from anywhere. "
            "Bind it to our addresses at Bybit, or send accepts_expiry: true. Nothing was stored."
        )


def check_form(new: NewKey) -> None:
    """Refuse what cannot be a key before anything is sent; the text itself is not repeated.

    Raises:
        KeyMalformed: Label, key or secret.
    """
    check_label(new.label)
    typed = {"api_key": new.credentials.api_key}
    if new.credentials.kind is KeyKind.HMAC:
        typed["api_secret"] = new.credentials.api_secret
    for name, secret in typed.items():
        if not _TYPED.match(secret.reveal()):
            raise KeyMalformed("This does not look like an API key and secret.", context={"field": name})


def check_label(text: str) -> None:
    """Refuse what is no name.

    Raises:
        KeyMalformed: Empty, too long, or with characters that cannot be shown.
    """
    label = text.strip()
    if not label or len(label) > LABEL_MAX or not label.isprintable():
        raise KeyMalformed(f"A label has 1 to {LABEL_MAX} printable characters.", context={"field": "label"})


def _entry(key: StoredKey, now: datetime) -> AuditDraft:
    return AuditDraft(
        key_id=key.key_id,
        user_id=key.user_id,
        at=now,
        actor=Caller.GATEWAY,
        action="add",
        outcome="done",
        why=f"generation {key.generation}",
    )
