"""The outbox: events are rows of the business transaction; the relay publishes them afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from opentelemetry.propagate import inject
from sqlalchemy.dialects.postgresql import TIMESTAMP, Insert, insert
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncSession

from shared.contracts.envelope import Envelope
from shared.contracts.fields import EventData
from shared.contracts.registry import BY_MODEL
from shared.contracts.topology import STREAMS
from shared.runtime.bundle import Bundle
from shared.runtime.correlation import current_causation, current_correlation
from shared.runtime.keeper import Column, How, Key, Row, Rows, Shape, inserting
from shared.runtime.unit import Unit
from shared.trading.clock import Clock, Ids

MOMENT = TIMESTAMP(timezone=True)
_GIVEN = ("id", "user_id", "stream", "subject", "aggregate_id", "body", "traceparent", "created_at")
_Outgoing = Envelope[EventData]
"""Named once: pydantic forgets a parametrised model that nobody holds, and builds it anew at each use."""


def outbox_table(metadata: sa.MetaData) -> sa.Table:
    """The outbox of a schema, as `create_outbox` of the migrations makes it."""
    return sa.Table(
        "outbox",
        metadata,
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("id", PG_UUID(as_uuid=True), nullable=False, unique=True),
        sa.Column("user_id", PG_UUID(as_uuid=True)),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("aggregate_id", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("traceparent", sa.Text),
        sa.Column("created_at", MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("sent_at", MOMENT),
        sa.Column("sent_stream_created", MOMENT, comment="creation time of the stream that holds the message"),
        sa.Index("ix_outbox_unsent", "position", postgresql_where=sa.text("sent_at is null")),
    )


def channel(schema: str) -> str:
    """The NOTIFY channel that wakes the relay of a schema."""
    return f"outbox_{schema}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """An event to be recorded; the fields are those of `Outbox.add`."""

    data: EventData
    user_id: UUID | None
    entity_id: UUID | str | None
    aggregate_id: UUID | str
    aggregate_version: int
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    event_id: UUID | None = None


class UnknownEvent(TypeError):
    """The event is not in the registry, or belongs to another service: a mistake of the programmer."""


class Outbox:
    """Writes events into the transaction that changes the state.

    Args:
        table: Of `outbox_table`.
        source: The service; only events that it owns are taken.
    """

    def __init__(self, table: sa.Table, *, source: str, clock: Clock, ids: Ids) -> None:
        self._table = table
        self._source = source
        self._clock = clock
        self._ids = ids
        self.wake = sa.func.pg_notify(channel(str(table.schema)), "")
        """Asked for in the transaction, wakes the relay when that commits."""
        self._columns = {name: Column.of(table.c[name]) for name in _GIVEN}
        self._shape = Shape(str(table), How.ADD, f"{inserting(table, _GIVEN)} on conflict do nothing")

    async def add(
        self,
        session: AsyncSession,
        data: EventData,
        *,
        user_id: UUID | None,
        entity_id: UUID | str | None,
        aggregate_id: UUID | str,
        aggregate_version: int,
        correlation_id: UUID | None = None,
        causation_id: UUID | None = None,
        event_id: UUID | None = None,
    ) -> UUID:
        """Record an event; it leaves when the transaction commits, and not otherwise.

        Args:
            session: The transaction that changes the state.
            data: The payload; its class decides type, version and subject.
            user_id: Whose event it is; None for nobody's. Row-level security compares it with the transaction's user.
            entity_id: Last token of the subject.
            aggregate_id: Whose state the event tells of.
            aggregate_version: Counts per aggregate: events of one aggregate leave in the order they were added.
            correlation_id: Defaults to the one bound to the current request or message, else a fresh one.
            causation_id: Defaults to the message being handled.
            event_id: Give one to make the event happen once only (`ON CONFLICT DO NOTHING`).

        Returns:
            The event's id.
        """
        announcement = Announcement(
            data=data,
            user_id=user_id,
            entity_id=entity_id,
            aggregate_id=aggregate_id,
            aggregate_version=aggregate_version,
            correlation_id=correlation_id,
            causation_id=causation_id,
            event_id=event_id,
        )
        return (await self.add_all(session, [announcement]))[0]

    async def add_all(self, session: AsyncSession, announcements: Sequence[Announcement]) -> list[UUID]:
        """Record several events in one round trip; they leave in this order.

        Returns:
            The events' ids.
        """
        rows = [self._row(one) for one in announcements]
        if not rows:
            return []
        await session.execute(_insert(self._table), rows)
        await session.execute(sa.select(self.wake))
        return [row["id"] for row in rows]

    async def record(self, unit: Unit, announcements: Sequence[Announcement]) -> None:
        """The same as `add_all`, in a unit."""
        writes = Bundle(unit)
        await self.join(writes, announcements)
        await writes.flush()

    async def join(self, writes: Bundle, announcements: Sequence[Announcement]) -> None:
        """The same, with whatever else the unit has yet to write; events told together leave in this order."""
        if not announcements:
            return
        rows: dict[Key, Row] = {}
        for one in announcements:
            row = self._row(one)
            rows.setdefault((row["id"],), {name: column.coded(row[name]) for name, column in self._columns.items()})
        await writes.write(Rows(self._shape, rows))
        writes.notify(channel(str(self._table.schema)))

    def said_if(self, condition: sa.ColumnElement[bool]) -> sa.CTE:
        """A part of a statement that records one event, the one of `said`, if a condition holds; ask for `wake` too."""
        given = [sa.bindparam(f"said_{name}", type_=self._table.c[name].type) for name in _GIVEN]
        event = sa.select(*given).where(condition)
        return insert(self._table).from_select(list(_GIVEN), event).on_conflict_do_nothing().cte("said")

    def said(self, announcement: Announcement) -> dict[str, Any]:
        """The parameters of `said_if`."""
        return {f"said_{name}": value for name, value in self._row(announcement).items()}

    def _row(self, one: Announcement) -> dict[str, Any]:
        spec = BY_MODEL.get(type(one.data))
        if spec is None or spec.owner != self._source:
            raise UnknownEvent(f"{self._source} does not own the event {type(one.data).__name__}")
        envelope = _Outgoing(
            id=one.event_id or self._ids.uuid(),
            source=self._source,
            type=spec.type,
            version=spec.version,
            time=self._clock.now(),
            subject=spec.subject(user=one.user_id, entity=one.entity_id),
            aggregate_id=str(one.aggregate_id),
            aggregate_version=one.aggregate_version,
            correlation_id=one.correlation_id or current_correlation() or self._ids.uuid(),
            causation_id=one.causation_id or current_causation(),
            data=one.data,
        )
        return {
            "id": envelope.id,
            "user_id": one.user_id,
            "stream": stream_of(spec.domain),
            "subject": envelope.subject,
            "aggregate_id": envelope.aggregate_id,
            "body": envelope.model_dump_json(),
            "traceparent": _traceparent(),
            "created_at": envelope.time,
        }


def _insert(table: sa.Table) -> Insert:
    """No RETURNING and no conflict target: the login role may only look at rows of its user.

    The session's implicit RETURNING of the identity column is switched off: nobody needs the position.
    """
    return insert(table).on_conflict_do_nothing().inline()


def stream_of(domain: str) -> str:
    """The stream that stores a domain's events."""
    return next(spec.name for spec in STREAMS if f"{domain}.>" in spec.subjects)


def _traceparent() -> str | None:
    carrier: dict[str, str] = {}
    inject(carrier)
    return carrier.get("traceparent")
