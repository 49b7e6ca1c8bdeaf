"""Delete a key: destroy the wrapped data key, keep a tombstone."""

from __future__ import annotations

from uuid import UUID

from keys.application.book_ports import AccountHolder, ChangeKind, KeyBook
from keys.application.ports import Vault
from keys.domain.audit import AuditDraft
from keys.domain.endpoints import Caller
from keys.domain.errors import KeyNotFound
from keys.domain.stored_key import KeyStatus
from shared.trading.clock import Clock


class DeleteKey:
    """Makes a key unreadable for good; its audit and its id stay."""

    def __init__(self, *, book: KeyBook, vault: Vault, clock: Clock) -> None:
        self._book = book
        self._vault = vault
        self._clock = clock

    async def __call__(self, user_id: UUID, key_id: UUID) -> None:
        """Delete it.

        Raises:
            KeyNotFound: No such key of this user, or it is deleted already.
        """
        async with self._book.unit(user_id) as unit:
            found = await unit.find(key_id)
            if found is None or found.status is KeyStatus.DELETED:
                raise KeyNotFound("There is no such key.")
            # The account first, then the key: the same order in which adding takes them, so that neither waits for ever.
            released = AccountHolder(user_id=user_id, key_id=key_id, released=True)
            await unit.hand_over(found.environment, found.account_hash, released)
            key = await unit.lock(key_id)
            if key is None or key.status is KeyStatus.DELETED:
                raise KeyNotFound("There is no such key.")
            gone = key.deleted()
            await unit.put(gone)
            await unit.audit(
                AuditDraft(
                    key_id=key_id,
                    user_id=user_id,
                    at=self._clock.now(),
                    actor=Caller.GATEWAY,
                    action="delete",
                    outcome="done",
                )
            )
            await unit.announce(ChangeKind.DELETED, gone)
        self._vault.forget(key_id)
