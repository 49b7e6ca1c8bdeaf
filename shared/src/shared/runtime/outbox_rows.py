"""The outbox as the relay's role sees it: all users' rows, over the connection that also listens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from shared.contracts.registry import EVENTS
from shared.contracts.topology import STREAMS
from shared.runtime.outbox import stream_of

KEPT_BEYOND = timedelta(days=1)
"""Sent rows stay this much longer than their stream keeps messages."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An event that waits to be published."""

    position: int
    id: UUID
    stream: str
    subject: str
    aggregate_id: str
    body: str
    traceparent: str | None


class OutboxRows:
    """Statements of the relay.

    Args:
        connection: Of the role `<schema>_relay`.
        schema: The service's schema.
    """

    def __init__(self, connection: asyncpg.Connection[Any], schema: str) -> None:
        self._connection = connection
        self._schema = schema
        self._table = f'"{schema}".outbox'
        self._streams = sorted({stream_of(event.domain) for event in EVENTS if event.owner == schema})

    async def streams(self) -> list[str]:
        """The streams that this service publishes to."""
        return self._streams

    async def take_the_lead(self) -> bool:
        """One relay per schema, as long as this connection lives."""
        taken: bool = await self._connection.fetchval(
            "select pg_try_advisory_lock(hashtextextended($1, 0))", f"relay:{self._schema}"
        )
        return taken

    async def unsent(self, limit: int, *, without: Sequence[str]) -> list[OutboxRow]:
        """The oldest unsent rows, leaving out aggregates that have to wait."""
        found = await self._connection.fetch(
            f"select position, id, stream, subject, aggregate_id, body, traceparent from {self._table} "  # noqa: S608
            "where sent_at is null and not (aggregate_id = any($2::text[])) order by position limit $1",
            limit,
            list(without),
        )
        return [OutboxRow(**dict(row)) for row in found]

    async def oldest_age_s(self) -> float:
        """Seconds that the oldest unsent row has waited; 0 without one."""
        age: float | None = await self._connection.fetchval(
            f"select extract(epoch from now() - min(created_at))::float8 from {self._table} where sent_at is null"  # noqa: S608
        )
        return max(0.0, age or 0.0)

    async def mark_sent(self, rows: Sequence[OutboxRow], created: Mapping[str, datetime]) -> None:
        """Note that the streams hold these rows, and which streams those were.

        The creation times are those known before publishing: a stream that was rebuilt meanwhile is younger, so that
        such a row goes out once more rather than never.
        """
        for stream in {row.stream for row in rows}:
            await self._connection.execute(
                f"update {self._table} set sent_at = now(), sent_stream_created = $2 where position = any($1::bigint[])",  # noqa: S608
                [row.position for row in rows if row.stream == stream],
                created[stream],
            )

    async def unmark_older(self, stream: str, created: datetime, max_age_s: float) -> int:
        """Have every row sent again that an older incarnation of the stream took and the new one should still hold."""
        done = await self._connection.execute(
            f"update {self._table} set sent_at = null where stream = $1 and sent_at is not null "  # noqa: S608
            "and sent_stream_created < $2 and ($3::float8 <= 0 or created_at > now() - make_interval(secs => $3))",
            stream,
            created,
            max_age_s,
        )
        return int(done.rpartition(" ")[2])

    async def prune(self) -> None:
        """Delete sent rows that no rebuilt stream would ask for any more."""
        ages = {spec.name: timedelta(seconds=spec.max_age_s) for spec in STREAMS}
        for stream in self._streams:
            await self._connection.execute(
                f"delete from {self._table} where stream = $1 and sent_at is not null and created_at < now() - $2::interval",  # noqa: S608
                stream,
                ages[stream] + KEPT_BEYOND,
            )
