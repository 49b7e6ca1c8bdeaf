"""Index versions in PostgreSQL; publishing one and telling of it are one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from market_data.domain.index_rules import IndexRules
from market_data.domain.index_version import Composition, Constituent, Exclusion, IndexVersion
from market_data.outbound.postgres.tables import constituent, exclusion, index_version
from shared.contracts.fields import EventData
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
from shared.trading.errors import Conflict
from shared.trading.status import VenueEnvironment


class PostgresIndexVersions:
    """Reads and adds versions; nothing is ever changed.

    A version that was read once is kept in memory, since it can never differ.

    Args:
        announce: Makes the event that tells of a new version.
    """

    def __init__(self, database: Database, outbox: Outbox, announce: Callable[[IndexVersion], EventData]) -> None:
        self._database = database
        self._outbox = outbox
        self._announce = announce
        self._known: dict[tuple[VenueEnvironment, str, int], IndexVersion] = {}

    async def newest(self, environment: VenueEnvironment, index_id: str) -> IndexVersion | None:
        """The version that is in force."""
        async with self._database.transaction() as session:
            latest = sa.select(sa.func.max(index_version.c.version)).where(
                index_version.c.environment == environment.value, index_version.c.index_id == index_id
            )
            number = (await session.execute(latest)).scalar_one_or_none()
            return None if number is None else await self._read(session, environment, index_id, number)

    async def get(self, environment: VenueEnvironment, index_id: str, version: int) -> IndexVersion | None:
        """One version."""
        async with self._database.transaction() as session:
            return await self._read(session, environment, index_id, version)

    async def publish(
        self, environment: VenueEnvironment, composition: Composition, *, recipe: str, after: int
    ) -> IndexVersion:
        """Store version `after` + 1 together with its event.

        Raises:
            Conflict: code `version_taken`, when another replica was faster.
        """
        made = IndexVersion(environment=environment, version=after + 1, recipe=recipe, composition=composition)
        try:
            async with self._database.transaction() as session:
                await self._insert(session, made)
                await self._outbox.add(
                    session,
                    self._announce(made),
                    user_id=None,
                    entity_id=made.index_id,
                    aggregate_id=f"{environment}:{made.index_id}",
                    aggregate_version=made.version,
                )
        except IntegrityError as error:
            raise Conflict("Another replica has published this version.", code="version_taken") from error
        return made

    async def _insert(self, session: AsyncSession, made: IndexVersion) -> None:
        rules = made.composition.rules
        key: dict[str, Any] = {
            "environment": made.environment.value,
            "index_id": made.index_id,
            "version": made.version,
        }
        facts = {
            "name": rules.name,
            "description": rules.description,
            "size": rules.size,
            "weighting": rules.weighting,
            "weight_cap": rules.weight_cap,
            "recipe": made.recipe,
            "as_of": made.composition.as_of,
        }
        await session.execute(sa.insert(index_version).values(**key, **facts))
        await session.execute(sa.insert(constituent), [{**key, **_row(item)} for item in made.composition.constituents])
        if made.composition.exclusions:
            numbered = enumerate(made.composition.exclusions)
            await session.execute(
                sa.insert(exclusion), [{**key, "place": place, **_row(item)} for place, item in numbered]
            )

    async def _read(
        self, session: AsyncSession, environment: VenueEnvironment, index_id: str, version: int
    ) -> IndexVersion | None:
        key = (environment, index_id, version)
        if key not in self._known:
            found = await _load(session, environment, index_id, version)
            if found is None:
                return None
            self._known[key] = found
        return self._known[key]


def _row(item: Constituent | Exclusion) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__slots__}


async def _load(
    session: AsyncSession, environment: VenueEnvironment, index_id: str, version: int
) -> IndexVersion | None:
    def of(table: sa.Table) -> sa.Select[Any]:
        mine = (table.c.environment == environment.value, table.c.index_id == index_id, table.c.version == version)
        return sa.select(table).where(*mine)

    head = (await session.execute(of(index_version))).mappings().one_or_none()
    if head is None:
        return None
    inside = (await session.execute(of(constituent).order_by(constituent.c.rank))).mappings()
    outside = (await session.execute(of(exclusion).order_by(exclusion.c.place))).mappings()
    rules = IndexRules(
        index_id=index_id,
        name=head["name"],
        description=head["description"],
        size=head["size"],
        weight_cap=head["weight_cap"],
        weighting=head["weighting"],
    )
    composition = Composition(
        rules=rules,
        constituents=tuple(Constituent(**{name: row[name] for name in Constituent.__slots__}) for row in inside),
        exclusions=tuple(Exclusion(**{name: row[name] for name in Exclusion.__slots__}) for row in outside),
        as_of=head["as_of"],
    )
    return IndexVersion(environment=environment, version=version, recipe=head["recipe"], composition=composition)
