"""Sign the login of the private stream: it could also open the order-entry socket, so it lives for a second."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from keys.application.book_ports import KeyBook
from keys.application.ports import OpenEnvironments, Vault
from keys.application.refusals import Refusals
from keys.domain.audit import AuditDraft
from keys.domain.binding import Binding
from keys.domain.endpoints import Caller
from keys.domain.errors import KeyNotFound
from keys.domain.signing import STREAM_LIFE_MS, Signatures, stream_signature
from keys.domain.stored_key import Credentials, StoredKey
from shared.trading.clock import Clock, epoch_ms
from shared.trading.errors import Denied


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SignedLogin:
    """The arguments of the stream's `auth` operation."""

    api_key: str
    expires_ms: int
    signature: str


class SignStream:
    """Signs stream logins, for execution only, each one audited."""

    def __init__(
        self,
        *,
        book: KeyBook,
        vault: Vault,
        signatures: Signatures,
        refusals: Refusals,
        venues: OpenEnvironments,
        clock: Clock,
    ) -> None:
        self._book = book
        self._vault = vault
        self._signatures = signatures
        self._refusals = refusals
        self._venues = venues
        self._clock = clock

    async def __call__(self, user_id: UUID, key_id: UUID) -> SignedLogin:
        """Sign a login that is good for a second.

        Raises:
            KeyNotFound: No such key of this user.
            Denied: The key is suspended or deleted, or its record does not open.
            EnvironmentNotOpen: The key's environment is switched off here.
        """
        decided = await self._decide(user_id, key_id)
        if isinstance(decided, Denied):
            raise decided
        expires_ms = epoch_ms(self._clock.now()) + STREAM_LIFE_MS
        return SignedLogin(
            api_key=decided.api_key.reveal_text(),
            expires_ms=expires_ms,
            signature=stream_signature(decided, self._signatures, expires_ms=expires_ms),
        )

    async def _decide(self, user_id: UUID, key_id: UUID) -> Credentials | Denied:
        async with self._book.unit(user_id) as unit:
            key = await unit.lock(key_id)
            if key is None:
                raise KeyNotFound("There is no such key.")
            self._venues.check_open(key.environment)
            try:
                credentials = await self._vault.open(Binding.of(key), key.usable())
            except Denied as refusal:
                entry = self._refusals.worth_writing(self._entry(key, f"refused:{refusal.code}"))
                if entry is not None:
                    await unit.audit(entry)
                return refusal
            await unit.audit(self._entry(key, "done"))
            return credentials

    def _entry(self, key: StoredKey, outcome: str) -> AuditDraft:
        return AuditDraft(
            key_id=key.key_id,
            user_id=key.user_id,
            at=self._clock.now(),
            actor=Caller.EXECUTION,
            action="sign_stream",
            outcome=outcome,
            why="GET/realtime",
        )
