"""Check a stored key at the venue again: rights may grow, keys expire and are revoked."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from keys.application.add_key import CHECK_EVERY, accept
from keys.application.book_ports import ChangeKind, KeyBook
from keys.application.ports import KeyVenue, Vault
from keys.domain.audit import AuditDraft
from keys.domain.binding import Binding
from keys.domain.endpoints import Caller
from keys.domain.errors import KeyNotFound, KeyRefused, RecordTampered
from keys.domain.stored_key import Credentials, KeyFacts, KeyStatus, StoredKey
from shared.trading.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    facts: KeyFacts | None
    refusal: KeyRefused | None


class CheckKey:
    """Brings a key's facts up to date; suspends it when it may no longer be used."""

    def __init__(self, *, book: KeyBook, vault: Vault, venue: KeyVenue, clock: Clock) -> None:
        self._book = book
        self._vault = vault
        self._venue = venue
        self._clock = clock

    async def __call__(self, user_id: UUID, key_id: UUID, *, actor: Caller) -> StoredKey:
        """Check one key; a suspended one that is fine again becomes active.

        Raises:
            KeyNotFound: No such key of this user.
            VenueAway: The venue does not answer; nothing was changed.
            RecordTampered: The stored record does not open.
        """
        key, credentials = await self._open(user_id, key_id, actor)
        finding = await self._ask(key, credentials)
        async with self._book.unit(user_id) as unit:
            current = await unit.lock(key_id)
            if current is None or current.status is KeyStatus.DELETED:
                raise KeyNotFound("There is no such key.")
            overtaken = current.version != key.version
            if current.generation != key.generation or (overtaken and finding.refusal is None):
                # Another check was quicker and may have seen more: only a reason not to trade is never too old.
                return current
            after = self._after(current, finding)
            await unit.put(after)
            await unit.schedule_check(after, self._clock.now() + CHECK_EVERY)
            await unit.audit(self._entry(after, actor))
            await unit.announce(_kind(current, after), after)
        return after

    async def _open(self, user_id: UUID, key_id: UUID, actor: Caller) -> tuple[StoredKey, Credentials]:
        async with self._book.unit(user_id) as unit:
            key = await unit.find(key_id)
        if key is None or key.sealed is None:
            raise KeyNotFound("There is no such key.")
        try:
            return key, await self._vault.open(Binding.of(key), key.sealed)
        except RecordTampered as error:
            async with self._book.unit(user_id) as unit:
                await unit.audit(self._entry(key, actor, outcome=f"refused:{error.code}"))
            raise

    async def _ask(self, key: StoredKey, credentials: Credentials) -> _Finding:
        facts = None
        try:
            facts = await self._venue.describe(key.environment, credentials)
            accept(facts, self._clock.now())
        except KeyRefused as refusal:
            return _Finding(facts=facts, refusal=refusal)
        return _Finding(facts=facts, refusal=None)

    def _after(self, key: StoredKey, finding: _Finding) -> StoredKey:
        if finding.refusal is not None:
            return key.suspended(_reason(finding.refusal), self._clock.now(), finding.facts)
        return key.checked(finding.facts or key.facts, self._clock.now())

    def _entry(self, key: StoredKey, actor: Caller, *, outcome: str = "done") -> AuditDraft:
        return AuditDraft(
            key_id=key.key_id,
            user_id=key.user_id,
            at=self._clock.now(),
            actor=actor,
            action="check",
            outcome=outcome,
            why=f"{key.status} {key.status_reason or ''}".strip(),
        )


def _reason(refusal: KeyRefused) -> str:
    named = refusal.context.get("permission")
    return f"{refusal.code}:{named}" if named else refusal.code


def _kind(before: StoredKey, after: StoredKey) -> ChangeKind:
    news = after.status is KeyStatus.SUSPENDED and before.status_reason != after.status_reason
    return ChangeKind.SUSPENDED if news else ChangeKind.CHECKED
