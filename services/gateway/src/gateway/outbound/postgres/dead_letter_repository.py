"""Dead letters, kept until a person has looked at them; they belong to operators, not to users."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from gateway.application.ports import DeadLetter
from gateway.outbound.postgres.tables import dead_letters
from shared.runtime.database import Database


class PostgresDeadLetters:
    """One row per message and consumer that gave up on it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, letter: DeadLetter) -> bool:
        """Copy a letter; a word of the consumer itself replaces the server's advisory, which has no reason in it."""
        values = _columns(letter)
        statement = insert(dead_letters).values(values)
        statement = statement.on_conflict_do_update(
            index_elements=["stream", "sequence", "consumer"],
            set_={name: statement.excluded[name] for name in ("subject", "headers", "body", "code", "error")},
            where=sa.and_(dead_letters.c.code.like("advisory_%"), statement.excluded.code.not_like("advisory_%")),
        )
        async with self._database.transaction() as session:
            kept = await session.execute(statement.returning(dead_letters.c.sequence))
            return kept.first() is not None

    async def newest(self, *, limit: int, after: tuple[datetime, str] | None = None) -> list[DeadLetter]:
        """Letters, newest first; `after` is moment and name of the last one seen."""
        name = sa.func.concat_ws("/", dead_letters.c.stream, dead_letters.c.sequence, dead_letters.c.consumer)
        place = sa.tuple_(dead_letters.c.received_at, name)
        query = sa.select(dead_letters).order_by(dead_letters.c.received_at.desc(), name.desc()).limit(limit)
        if after is not None:
            query = query.where(place < sa.tuple_(*after))
        async with self._database.transaction() as session:
            return [_letter(dict(row)) for row in (await session.execute(query)).mappings()]


def _columns(letter: DeadLetter) -> dict[str, Any]:
    return {column.name: getattr(letter, column.name) for column in dead_letters.columns}


def _letter(row: dict[str, Any]) -> DeadLetter:
    return DeadLetter(**row)
