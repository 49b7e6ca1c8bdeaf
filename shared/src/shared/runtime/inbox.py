"""The inbox: a message that was handled once changes nothing the second time."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TIMESTAMP, insert
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncSession


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
