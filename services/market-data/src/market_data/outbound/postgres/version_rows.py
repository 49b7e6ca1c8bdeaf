"""A version as rows, in whichever database it lives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from market_data.domain.index_version import Composition, Constituent, Exclusion, IndexVersion, VersionHead
from market_data.outbound.postgres.rules_document import to_document, to_rules
from market_data.outbound.postgres.version_tables import VersionTables
from shared.trading.status import VenueEnvironment

Key = tuple[VenueEnvironment, str, int]


async def insert_version(session: AsyncSession, tables: VersionTables, made: IndexVersion) -> None:
    """Add a version; the caller commits.

    Raises:
        sqlalchemy.exc.IntegrityError: There is one of that number.
    """
    rules = made.composition.rules
    key: dict[str, Any] = {"environment": made.environment.value, "index_id": made.index_id, "version": made.version}
    if tables.owned:
        key["user_id"] = made.user_id
    facts = {
        "name": rules.name,
        "description": rules.description,
        "size": rules.size,
        "weighting": rules.weighting.value,
        "weight_cap": rules.weight_cap,
        "rules": to_document(rules),
        "recipe": made.recipe,
        "reason": made.reason,
        "as_of": made.composition.as_of,
    }
    await session.execute(sa.insert(tables.index_version).values(**key, **facts))
    rows = [{**key, **_row(item)} for item in made.composition.constituents]
    await session.execute(sa.insert(tables.constituent), rows)
    if made.composition.exclusions:
        numbered = enumerate(made.composition.exclusions)
        rows = [{**key, "place": place, **_row(item)} for place, item in numbered]
        await session.execute(sa.insert(tables.exclusion), rows)


async def newest_number(
    session: AsyncSession, tables: VersionTables, environment: VenueEnvironment, index_id: str
) -> int | None:
    """The number of the version in force."""
    versions = tables.index_version
    latest = sa.select(sa.func.max(versions.c.version)).where(
        versions.c.environment == environment.value, versions.c.index_id == index_id
    )
    found: int | None = (await session.execute(latest)).scalar_one_or_none()
    return found


async def load_version(session: AsyncSession, tables: VersionTables, key: Key) -> IndexVersion | None:
    """One version with everything in it."""
    environment, index_id, version = key

    def of(table: sa.Table) -> sa.Select[Any]:
        mine = (table.c.environment == environment.value, table.c.index_id == index_id, table.c.version == version)
        return sa.select(table).where(*mine)

    head = (await session.execute(of(tables.index_version))).mappings().one_or_none()
    if head is None:
        return None
    inside = (await session.execute(of(tables.constituent).order_by(tables.constituent.c.rank))).mappings()
    outside = (await session.execute(of(tables.exclusion).order_by(tables.exclusion.c.place))).mappings()
    composition = Composition(
        rules=to_rules(head),
        constituents=tuple(Constituent(**{name: row[name] for name in Constituent.__slots__}) for row in inside),
        exclusions=tuple(Exclusion(**{name: row[name] for name in Exclusion.__slots__}) for row in outside),
        as_of=head["as_of"],
    )
    return IndexVersion(
        environment=environment,
        version=version,
        recipe=head["recipe"],
        composition=composition,
        reason=head["reason"],
        user_id=head.get("user_id"),
    )


async def list_heads(
    session: AsyncSession, tables: VersionTables, environment: VenueEnvironment, index_id: str
) -> Sequence[VersionHead]:
    """All versions of an index, newest first."""
    versions, inside = tables.index_version, tables.constituent
    same = [inside.c[name] == versions.c[name] for name in ("environment", "index_id", "version")]
    count = sa.select(sa.func.count()).select_from(inside).where(*same).scalar_subquery()
    query = (
        sa.select(versions.c.version, versions.c.as_of, versions.c.reason, count.label("constituents"))
        .where(versions.c.environment == environment.value, versions.c.index_id == index_id)
        .order_by(versions.c.version.desc())
    )
    return [VersionHead(**row) for row in (await session.execute(query)).mappings()]


def _row(item: Constituent | Exclusion) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__slots__}
