"""Stored keys in PostgreSQL: one unit of work is one transaction that sees one user's rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from keys.application.book_ports import AccountHolder, ChangeKind, DueCheck
from keys.domain.allowance import RunAllowance, RunTails
from keys.domain.audit import AuditDraft, AuditSeal
from keys.domain.key_pair import KeyPair
from keys.domain.stored_key import KeyStatus, StoredKey
from keys.outbound.postgres import audit_trail, pair_rows, signing_rows
from keys.outbound.postgres.rows import key_of, values_of
from keys.outbound.postgres.signing_unit import PostgresSigningUnit
from keys.outbound.postgres.tables import audit, venue_accounts, venue_keys
from shared.contracts.fields import EventData
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
from shared.trading.status import VenueEnvironment

Announcement = Callable[[ChangeKind, StoredKey], EventData]

_LOCK = sa.text("select pg_advisory_xact_lock(hashtextextended('keys:' || cast(:key_id as text), 0))")
_LAST_USE = (
    sa.select(audit.c.at)
    .where(
        audit.c.key_id == venue_keys.c.key_id,
        audit.c.outcome == "done",
        audit.c.action.in_(("sign", "sign_stream")),
    )
    .order_by(audit.c.seq.desc())
    .limit(1)
    .scalar_subquery()
    .label("last_used_at")
)
_KEYS = sa.select(venue_keys, _LAST_USE)


class PostgresKeyBook:
    """The keys of all users, opened for one at a time.

    Args:
        seal: Seals the audit chain.
        announcement: The event that tells of a change.
    """

    def __init__(self, database: Database, outbox: Outbox, *, seal: AuditSeal, announcement: Announcement) -> None:
        self._database = database
        self._outbox = outbox
        self._seal = seal
        self._announcement = announcement

    @asynccontextmanager
    async def unit(self, user_id: UUID) -> AsyncIterator[PostgresKeyUnit]:
        """One unit of work for a user: commits at the end, rolls back on an error."""
        async with self._database.transaction(user_id) as session:
            yield PostgresKeyUnit(session, self._outbox, self._seal, self._announcement)

    @asynccontextmanager
    async def signing_unit(self, user_id: UUID) -> AsyncIterator[PostgresSigningUnit]:
        """A unit for one signature."""
        async with self._database.unit(user_id) as unit:
            yield PostgresSigningUnit(unit, self._seal)


class PostgresKeyUnit:
    """One transaction."""

    def __init__(self, session: AsyncSession, outbox: Outbox, seal: AuditSeal, announcement: Announcement) -> None:
        self._session = session
        self._outbox = outbox
        self._seal = seal
        self._announcement = announcement
        self._head: audit_trail.Head | None = None

    async def find(self, key_id: UUID) -> StoredKey | None:
        """A key of this user as it stands; tombstones too."""
        row = (await self._session.execute(_KEYS.where(venue_keys.c.key_id == key_id))).mappings().first()
        return None if row is None else key_of(dict(row))

    async def lock(self, key_id: UUID) -> StoredKey | None:
        """The same, held against everybody else until this unit ends."""
        await self._session.execute(_LOCK, {"key_id": str(key_id)})
        return await self.find(key_id)

    async def all(self) -> Sequence[StoredKey]:
        """The user's keys, newest first, without tombstones."""
        query = _KEYS.where(venue_keys.c.status != KeyStatus.DELETED.value).order_by(
            venue_keys.c.created_at.desc(), venue_keys.c.key_id
        )
        return [key_of(dict(row)) for row in (await self._session.execute(query)).mappings()]

    async def put(self, key: StoredKey) -> None:
        """Store a key's new state."""
        values = values_of(key)
        statement = insert(venue_keys).values(values)
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["key_id"],
                set_={name: statement.excluded[name] for name in values if name not in {"key_id", "user_id"}},
            )
        )

    async def put_pair(self, pair: KeyPair) -> None:
        """Store a pair that waits."""
        await pair_rows.put(self._session, pair)

    async def pair(self, pair_id: UUID) -> KeyPair | None:
        """A pair of this user."""
        return await pair_rows.read(self._session, pair_id)

    async def pairs(self) -> Sequence[KeyPair]:
        """The user's pairs, newest first, expired ones included."""
        return await pair_rows.read_all(self._session)

    async def drop_pairs(self, pair_ids: Sequence[UUID]) -> None:
        """Destroy pairs with their private keys."""
        await pair_rows.drop(self._session, pair_ids)

    async def hold_account(
        self, environment: VenueEnvironment, account_hash: bytes, holder: AccountHolder
    ) -> AccountHolder:
        """Take a venue account unless somebody has it; who has it afterwards, locked."""
        await self._session.execute(
            insert(venue_accounts)
            .values(
                environment=environment.value,
                account_hash=account_hash,
                user_id=holder.user_id,
                key_id=holder.key_id,
                released=False,
            )
            .on_conflict_do_nothing(index_elements=["environment", "account_hash"])
        )
        found = await self._session.execute(
            sa.select(venue_accounts).where(_account(environment, account_hash)).with_for_update()
        )
        row = found.mappings().one()
        return AccountHolder(user_id=row["user_id"], key_id=row["key_id"], released=row["released"])

    async def hand_over(self, environment: VenueEnvironment, account_hash: bytes, holder: AccountHolder) -> None:
        """Change the holder of a venue account, or release it."""
        await self._session.execute(
            sa.update(venue_accounts)
            .where(_account(environment, account_hash))
            .values(user_id=holder.user_id, key_id=holder.key_id, released=holder.released)
        )

    async def schedule_check(self, key: StoredKey, at: datetime) -> None:
        """When the key is to be checked again."""
        await self._session.execute(
            sa.update(venue_accounts).where(venue_accounts.c.key_id == key.key_id).values(check_due_at=at)
        )

    async def announce(self, kind: ChangeKind, key: StoredKey) -> None:
        """Publish a change together with this unit."""
        await self._outbox.add(
            self._session,
            self._announcement(kind, key),
            user_id=key.user_id,
            entity_id=key.key_id,
            aggregate_id=key.key_id,
            aggregate_version=key.version,
        )

    async def audit(self, draft: AuditDraft) -> None:
        """Append to the key's chain."""
        await self._session.execute(_LOCK, {"key_id": str(draft.key_id)})
        head = self._head or await audit_trail.read_head(self._session, draft.key_id)
        entry = self._seal.entry(draft, seq=head.seq + 1, previous=head.seal)
        await self._session.execute(insert(audit).values(audit_trail.values_of(entry)))
        self._head = audit_trail.Head(entry.seq, entry.seal)

    async def approve(self, key_id: UUID, run: RunTails, allowance: RunAllowance) -> None:
        """Store what a plan allows; what is stored already stays as it is."""
        await signing_rows.approve(self._session, key_id, run, allowance)


class PostgresCheckQueue:
    """Which keys are to be checked: ids only, so it needs no user."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, now: datetime, *, next_at: datetime, limit: int) -> Sequence[DueCheck]:
        """Take due keys; another replica sees them again only at `next_at`."""
        chosen = (
            sa.select(venue_accounts.c.key_id)
            .where(sa.not_(venue_accounts.c.released), venue_accounts.c.check_due_at <= now)
            .order_by(venue_accounts.c.check_due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        taken = (
            sa.update(venue_accounts)
            .where(venue_accounts.c.key_id.in_(chosen))
            .values(check_due_at=next_at)
            .returning(venue_accounts.c.user_id, venue_accounts.c.key_id)
        )
        async with self._database.transaction() as session:
            rows = (await session.execute(taken)).all()
        return [DueCheck(user_id=row.user_id, key_id=row.key_id) for row in rows]


class PostgresPruning:
    """Forgets through a function of the schema's owner: the login role itself can delete nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prune(self) -> int:
        """Drop approvals and signed orders of a month ago, and pairs that nobody completed; how many rows went."""
        async with self._database.transaction() as session:
            return int(await session.scalar(sa.text("select keys.prune()")) or 0)


def _account(environment: VenueEnvironment, account_hash: bytes) -> sa.ColumnElement[bool]:
    return sa.and_(venue_accounts.c.environment == environment.value, venue_accounts.c.account_hash == account_hash)
