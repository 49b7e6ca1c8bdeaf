"""Guards in PostgreSQL: what users and operators write, and the signer reads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from keys.application.guard_ports import NOBODY, OwnLimitsRecord, PlatformLimitsRecord
from keys.domain.audit import AuditDraft, AuditSeal
from keys.domain.guards import Spent, first_slots
from keys.domain.halts import Halt
from keys.domain.limits import OwnLimits, PlatformLimits
from keys.outbound.postgres import audit_trail
from keys.outbound.postgres.guard_rows import OWN, PLATFORMS, halt_of
from keys.outbound.postgres.tables import audit, halts, platform_limits, user_limits
from shared.contracts.fields import EventData
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
from shared.trading.status import VenueEnvironment

HaltAnnouncement = Callable[[Halt], EventData]

_LOCK = sa.text("select pg_advisory_xact_lock(hashtextextended('keys:' || cast(:chain as text), 0))")
_STANDING = sa.text("select * from keys.standing_halts()")
_SPENT = sa.text(
    """select scope, coalesce(sum(t.amount) filter (where t.slot >= :hour_from), 0) as hour,
              coalesce(sum(t.amount), 0) as day
       from keys.spending s left join unnest(s.slots, s.amounts) as t (slot, amount) on t.slot >= :day_from
       where s.environment = :environment and s.scope = any(:scopes) group by scope"""
)


class PostgresGuardBook:
    """The guards of all users, opened for one at a time, or for the platform.

    Args:
        seal: Seals the audit chain.
        announcement: The event that tells of a halt or its release.
    """

    def __init__(self, database: Database, outbox: Outbox, *, seal: AuditSeal, announcement: HaltAnnouncement) -> None:
        self._database = database
        self._outbox = outbox
        self._seal = seal
        self._announcement = announcement

    @asynccontextmanager
    async def guards(self, user_id: UUID = NOBODY) -> AsyncIterator[PostgresGuardUnit]:
        """One unit of work: commits at the end, rolls back on an error."""
        async with self._database.transaction(user_id) as session:
            yield PostgresGuardUnit(session, self._outbox, user_id, self._seal, self._announcement)

    async def all_standing(self) -> Sequence[Halt]:
        """Every standing halt of every user, oldest first."""
        async with self._database.transaction() as session:
            rows = (await session.execute(_STANDING)).mappings()
            return [halt_of(dict(row)) for row in rows]


class PostgresGuardUnit:
    """One transaction."""

    def __init__(
        self, session: AsyncSession, outbox: Outbox, user_id: UUID, seal: AuditSeal, announcement: HaltAnnouncement
    ) -> None:
        self._session = session
        self._outbox = outbox
        self._user_id = user_id
        self._seal = seal
        self._announcement = announcement
        self._head: audit_trail.Head | None = None

    async def lock(self) -> None:
        """Hold the guards, and their audit chain, until this unit ends."""
        await self._session.execute(_LOCK, {"chain": str(self._user_id)})

    async def own(self, environment: VenueEnvironment) -> OwnLimitsRecord:
        """The user's own limits."""
        query = sa.select(user_limits).where(
            user_limits.c.user_id == self._user_id, user_limits.c.environment == environment.value
        )
        row = (await self._session.execute(query)).mappings().first()
        if row is None:
            return OwnLimitsRecord(limits=OwnLimits())
        return OwnLimitsRecord(limits=OwnLimits(**{name: row[name] for name in OWN}), version=row["version"])

    async def put_own(self, environment: VenueEnvironment, record: OwnLimitsRecord, at: datetime) -> None:
        """Store them."""
        values = {name: getattr(record.limits, name) for name in OWN} | {"version": record.version, "changed_at": at}
        await self._put(user_limits, {"user_id": self._user_id, "environment": environment.value}, values)

    async def platform(self, environment: VenueEnvironment) -> PlatformLimitsRecord | None:
        """What an operator wrote; None as long as the defaults hold."""
        query = sa.select(platform_limits).where(platform_limits.c.environment == environment.value)
        row = (await self._session.execute(query)).mappings().first()
        if row is None:
            return None
        return PlatformLimitsRecord(
            limits=PlatformLimits(**{name: row[name] for name in PLATFORMS}),
            version=row["version"],
            changed_by=row["changed_by"],
            reason=row["reason"],
            changed_at=row["changed_at"],
        )

    async def put_platform(self, environment: VenueEnvironment, record: PlatformLimitsRecord) -> None:
        """Store it."""
        values = {name: getattr(record.limits, name) for name in PLATFORMS}
        said = ("version", "changed_by", "reason", "changed_at")
        values |= {name: getattr(record, name) for name in said}
        await self._put(platform_limits, {"environment": environment.value}, values)

    async def halts(self) -> Sequence[Halt]:
        """Standing halts of the user and of everybody, oldest first."""
        query = (
            sa.select(halts)
            .where(halts.c.released_at.is_(None), sa.or_(halts.c.user_id.is_(None), halts.c.user_id == self._user_id))
            .order_by(halts.c.raised_at, halts.c.halt_id)
        )
        return [halt_of(dict(row)) for row in (await self._session.execute(query)).mappings()]

    async def put_halt(self, halt: Halt) -> None:
        """Store a halt's new state."""
        values = {column.name: getattr(halt, column.name) for column in halts.c if column.name != "halt_id"}
        values |= {"environment": halt.environment and halt.environment.value, "extent": halt.extent.value}
        await self._put(halts, {"halt_id": halt.halt_id}, values)

    async def announce(self, halt: Halt) -> None:
        """Publish that it was thrown or released, together with this unit."""
        await self._outbox.add(
            self._session,
            self._announcement(halt),
            user_id=halt.user_id,
            entity_id=halt.halt_id,
            aggregate_id=halt.halt_id,
            aggregate_version=1 if halt.released_at is None else 2,
        )

    async def spent(self, environment: VenueEnvironment, scopes: Sequence[str], *, slot: int) -> Mapping[str, Spent]:
        """What sums hold, by scope; one that holds nothing is left out."""
        hour_from, day_from = first_slots(slot)
        values = {
            "environment": environment.value,
            "scopes": list(scopes),
            "hour_from": hour_from,
            "day_from": day_from,
        }
        rows = (await self._session.execute(_SPENT, values)).mappings()
        return {row["scope"]: Spent(scope=row["scope"], hour=row["hour"], day=row["day"]) for row in rows}

    async def audit(self, draft: AuditDraft) -> None:
        """Append to the guards' chain, which this unit holds."""
        head = self._head or await audit_trail.read_head(self._session, draft.key_id)
        entry = self._seal.entry(draft, seq=head.seq + 1, previous=head.seal)
        await self._session.execute(insert(audit).values(audit_trail.values_of(entry)))
        self._head = audit_trail.Head(entry.seq, entry.seal)

    async def _put(self, table: sa.Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        statement = insert(table).values(**key, **values)
        await self._session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=dict(values)))
