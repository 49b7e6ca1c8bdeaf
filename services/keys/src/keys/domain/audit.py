"""The audit: one chain per key, each record sealed over the one before, so that none can be changed or taken out."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from keys.domain.errors import AuditBroken

GENESIS = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditDraft:
    """One use of a key, before it has its place in the chain.

    Attributes:
        actor: The service that asked.
        action: `sign`, `sign_stream`, `add`, `check`, `suspend`, `delete`, `make_pair`, `complete_pair`;
            of guards `halt`, `resume`, `set_limits`, in a chain of their user or of the platform.
        outcome: `done`, or `refused:<code>`.
        why: Endpoint and lane, or the reason.
        link_ids: Client order ids that the call names.
        payload_hash: SHA-256 of the signed bytes; never the bytes, never the signature.
    """

    key_id: UUID
    user_id: UUID
    at: datetime
    actor: str
    action: str
    outcome: str
    why: str = ""
    link_ids: tuple[str, ...] = ()
    payload_hash: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One use of a key, in its place."""

    seq: int
    draft: AuditDraft
    previous: bytes
    seal: bytes


@dataclass(frozen=True, slots=True)
class AuditSeal:
    """Seals the chain with a key that the database never sees, so that its writer cannot forge a chain either."""

    key: bytes = field(repr=False)

    def entry(self, draft: AuditDraft, *, seq: int, previous: bytes) -> AuditEntry:
        """The record that follows `previous`; the first one follows `GENESIS` with number 1."""
        return AuditEntry(seq=seq, draft=draft, previous=previous, seal=self._seal(draft, seq, previous))

    def verify(self, entries: Iterable[AuditEntry]) -> int:
        """Check one key's chain from its first record, in order.

        Returns:
            How many records it has.

        Raises:
            AuditBroken: A record was changed, added, moved or taken out; `context["seq"]` is the first bad place.
        """
        previous, expected = GENESIS, 1
        for entry in entries:
            seal = self._seal(entry.draft, expected, previous)
            if entry.seq != expected or entry.previous != previous or not hmac.compare_digest(seal, entry.seal):
                raise AuditBroken(
                    f"The audit of key {entry.draft.key_id} is broken at record {expected}.",
                    context={"seq": expected, "key_id": str(entry.draft.key_id)},
                )
            previous, expected = entry.seal, expected + 1
        return expected - 1

    def _seal(self, draft: AuditDraft, seq: int, previous: bytes) -> bytes:
        parts = [
            str(seq),
            str(draft.key_id),
            str(draft.user_id),
            draft.at.isoformat(timespec="microseconds"),
            draft.actor,
            draft.action,
            draft.outcome,
            draft.why,
            list(draft.link_ids),
            draft.payload_hash.hex(),
            previous.hex(),
        ]
        return hmac.new(self.key, json.dumps(parts, separators=(",", ":")).encode(), sha256).digest()
