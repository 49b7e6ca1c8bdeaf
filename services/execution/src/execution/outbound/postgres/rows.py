"""Rows and the domain's types: columns are named like fields, so one pair of functions does for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

Noun = TypeVar("Noun")


def values(noun: Any) -> dict[str, Any]:
    """A noun's fields as column values."""
    return {item.name: getattr(noun, item.name) for item in fields(noun)}


async def fetch(session: AsyncSession, kind: type[Noun], table: sa.Table, query: sa.Select[Any]) -> list[Noun]:
    """The nouns that a query on their table finds; columns beyond the noun's fields are left out."""
    names = [item.name for item in fields(kind)]  # type: ignore[arg-type]
    found = await session.execute(query.with_only_columns(*(table.c[name] for name in names)))
    return [kind(**{name: _plain(value) for name, value in zip(names, row, strict=True)}) for row in found]


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


async def store(session: AsyncSession, table: sa.Table, nouns: Sequence[Any], **extra: Any) -> None:
    """Insert nouns, all in one round trip."""
    if nouns:
        await session.execute(sa.insert(table), [{**values(noun), **extra} for noun in nouns])


async def update(session: AsyncSession, table: sa.Table, key: str, nouns: Sequence[Any]) -> None:
    """Write nouns' new states by their key, all in one round trip."""
    if not nouns:
        return
    rows = [values(noun) for noun in nouns]
    names = [name for name in rows[0] if name != key]
    statement = (
        sa.update(table)
        .where(table.c[key] == sa.bindparam(f"old_{key}"))
        .values({name: sa.bindparam(f"new_{name}") for name in names})
    )
    await (await session.connection()).execute(
        statement, [{f"old_{key}": row[key], **{f"new_{name}": row[name] for name in names}} for row in rows]
    )


async def upsert(session: AsyncSession, table: sa.Table, nouns: Sequence[Any]) -> None:
    """Write nouns by the table's primary key, new or changed."""
    if not nouns:
        return
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    rows = [values(noun) for noun in nouns]
    changes = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    await session.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes), rows)
