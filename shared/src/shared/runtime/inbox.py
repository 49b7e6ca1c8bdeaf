"""The inbox: a message that was handled once changes nothing the second time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TIMESTAMP, insert
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncSession

from shared.contracts.topology import STREAMS
from shared.runtime.database import Database
from shared.runtime.logging import get_logger
from shared.runtime.statement import Statement
from shared.runtime.unit import Unit

log = get_logger(__name__)

KEPT = timedelta(seconds=max(spec.max_age_s for spec in STREAMS), days=1)
"""Whatever is still in some stream, dead letters included, finds its row; older messages cannot come again."""
PRUNE_S = 3600.0
AT_ONCE = 10_000


def inbox_table(metadata: sa.MetaData) -> sa.Table:
    """The inbox of a schema, as `create_inbox` of the migrations makes it; it holds ids only."""
    return sa.Table(
        "inbox",
        metadata,
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("message_id", PG_UUID(as_uuid=True), primary_key=True),
        sa.Column("received_at", TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.now()),
    )


async def first_delivery(session: AsyncSession, table: sa.Table, consumer: str, message_id: UUID) -> bool:
    """Note a message in the transaction of its effect.

    A second delivery at the same time waits here until the first has committed or rolled back.

    Args:
        session: The transaction that makes the effect.
        table: Of `inbox_table`.
        consumer: Name of the durable consumer.
        message_id: The envelope's id.

    Returns:
        False when this consumer has handled the message before: change nothing then.
    """
    noted = await session.execute(
        insert(table)
        .values(consumer=consumer, message_id=message_id)
        .on_conflict_do_nothing()
        .returning(table.c.message_id)
    )
    return noted.first() is not None


def first_delivery_statement(table: sa.Table) -> Statement:
    """For `first_delivery_in`: made once, beside the table."""
    row = {"consumer": sa.bindparam("consumer"), "message_id": sa.bindparam("message_id", type_=PG_UUID(as_uuid=True))}
    return Statement(insert(table).values(row).on_conflict_do_nothing().returning(table.c.message_id))


async def first_delivery_in(unit: Unit, statement: Statement, consumer: str, message_id: UUID) -> bool:
    """The same as `first_delivery`, in a unit."""
    return await statement.value(unit, consumer=consumer, message_id=message_id) is not None


async def prune_inbox(database: Database, table: sa.Table, *, at_once: int = AT_ONCE) -> int:
    """Forget messages that no stream holds any more, a bounded number in each transaction; how many they were."""
    name = f'"{table.schema}".inbox'
    statement = sa.text(
        f"delete from {name} where ctid in "  # noqa: S608 - the schema's own name
        f"(select ctid from {name} where received_at < now() - cast(:kept as interval) limit :most)"
    )
    pruned, gone = 0, at_once
    while gone == at_once:
        async with database.transaction() as session:
            done = await session.execute(statement, {"kept": KEPT, "most": at_once})
        gone = int(getattr(done, "rowcount", 0))
        pruned += gone
    return pruned


async def prune_for_ever(database: Database, table: sa.Table) -> None:
    """Once an hour, until cancelled."""
    while True:
        if gone := await prune_inbox(database, table):
            log.info("old_inbox_rows_pruned", rows=gone)
        await asyncio.sleep(PRUNE_S)
