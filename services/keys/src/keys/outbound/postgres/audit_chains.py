"""The audit of all users, read chain by chain: row-level security shows one user's rows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from keys.application.guard_ports import NOBODY
from keys.application.verify_audit import ChainOwner
from keys.domain.audit import AuditEntry
from keys.outbound.postgres.audit_trail import read_chain
from keys.outbound.postgres.tables import audit, venue_accounts
from shared.runtime.database import Database


class PostgresAuditChains:
    """The chains that can be found without knowing a user: from the ids of `venue_accounts` on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def owners(self) -> Sequence[ChainOwner]:
        """Every key that holds a venue account, every other chain of their users, and the platform's."""
        async with self._database.transaction() as session:
            rows = (await session.execute(sa.select(venue_accounts.c.user_id, venue_accounts.c.key_id))).all()
        known = {ChainOwner(key_id=row.key_id, user_id=row.user_id) for row in rows}
        for user_id in {row.user_id for row in rows}:
            known |= {ChainOwner(key_id=key_id, user_id=user_id) for key_id in await self._keys_of(user_id)}
        if NOBODY in await self._keys_of(NOBODY):
            known.add(ChainOwner(key_id=NOBODY, user_id=NOBODY))
        return sorted(known, key=lambda one: one.key_id)

    async def chain(self, owner: ChainOwner) -> Sequence[AuditEntry]:
        """A key's records in order."""
        async with self._database.transaction(owner.user_id) as session:
            return await read_chain(session, owner.key_id)

    async def _keys_of(self, user_id: UUID) -> Sequence[UUID]:
        async with self._database.transaction(user_id) as session:
            return (await session.scalars(sa.select(audit.c.key_id).distinct())).all()
