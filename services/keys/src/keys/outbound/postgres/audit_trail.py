"""The audit in PostgreSQL: the login role may add and read, nothing else."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from keys.domain.audit import GENESIS, AuditDraft, AuditEntry
from keys.outbound.postgres.tables import audit


class Head(NamedTuple):
    """The last record of a chain."""

    seq: int
    seal: bytes


EMPTY = Head(0, GENESIS)


async def read_head(session: AsyncSession, key_id: UUID) -> Head:
    """The last record of a key's chain; the caller holds the key's lock."""
    query = sa.select(audit.c.seq, audit.c.seal).where(audit.c.key_id == key_id).order_by(audit.c.seq.desc()).limit(1)
    row = (await session.execute(query)).first()
    return EMPTY if row is None else Head(row.seq, row.seal)


async def read_chain(session: AsyncSession, key_id: UUID) -> list[AuditEntry]:
    """A key's whole chain in order, for the verifier."""
    query = sa.select(audit).where(audit.c.key_id == key_id).order_by(audit.c.seq)
    return [_entry_of(dict(row)) for row in (await session.execute(query)).mappings()]


def values_of(entry: AuditEntry) -> dict[str, Any]:
    """The columns of `audit`."""
    draft = entry.draft
    return {
        "key_id": draft.key_id,
        "seq": entry.seq,
        "user_id": draft.user_id,
        "at": draft.at,
        "actor": str(draft.actor),
        "action": draft.action,
        "outcome": draft.outcome,
        "why": draft.why,
        "link_ids": list(draft.link_ids),
        "payload_hash": draft.payload_hash,
        "previous": entry.previous,
        "seal": entry.seal,
    }


def _entry_of(row: dict[str, Any]) -> AuditEntry:
    draft = AuditDraft(
        key_id=row["key_id"],
        user_id=row["user_id"],
        at=row["at"],
        actor=row["actor"],
        action=row["action"],
        outcome=row["outcome"],
        why=row["why"],
        link_ids=tuple(row["link_ids"]),
        payload_hash=row["payload_hash"],
    )
    return AuditEntry(seq=row["seq"], draft=draft, previous=row["previous"], seal=row["seal"])
