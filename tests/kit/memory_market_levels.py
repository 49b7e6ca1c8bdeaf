"""Market-data's port `LevelStore` in memory."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import datetime

from kit.memory_house import House, Transaction
from market_data.domain.index_version import IndexVersion
from market_data.domain.level import LevelBase, LevelPoint
from market_data.outbound.postgres.level_repository import DAILY_AFTER, HOURLY_AFTER, MOST_POINTS

GRAINS = ((HOURLY_AFTER, "%Y%m%d%H"), (DAILY_AFTER, "%Y%m%d"))


class MemoryLevels:
    """Levels by owner: of built-in indices for everybody, of users' own for their owners."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def base(self, version: IndexVersion) -> LevelBase | None:
        """From where the level of that version's index is counted."""
        with self._house.transaction(version.user_id) as transaction:
            found: LevelBase | None = transaction.rows("level_bases").get(_key(version))
            return found

    async def record(self, version: IndexVersion, base: LevelBase, point: LevelPoint, *, thin: bool) -> None:
        """Keep the base and add the point, in one transaction; of two at one moment the first stays."""
        with self._house.transaction(version.user_id) as transaction:
            transaction.rows("level_bases").put(_key(version), base)
            known = _points(transaction, version)
            points = known if any(one.at == point.at for one in known) else [*known, point]
            if thin:
                points = _thinned(points, point.at)
            transaction.rows("level_points").put(_key(version), sorted(points, key=lambda one: one.at))
            transaction.commit()

    async def points(self, version: IndexVersion, since: datetime | None) -> Sequence[LevelPoint]:
        """The newest points from a moment on, oldest first."""
        with self._house.transaction(version.user_id) as transaction:
            found = [one for one in _points(transaction, version) if since is None or one.at >= since]
        return found[-MOST_POINTS:]


def _key(version: IndexVersion) -> Hashable:
    return version.environment, version.index_id


def _points(transaction: Transaction, version: IndexVersion) -> list[LevelPoint]:
    return transaction.rows("level_points").get(_key(version)) or []


def _thinned(points: Sequence[LevelPoint], now: datetime) -> list[LevelPoint]:
    """The first point of each hour, later of each day, and every point where a version began."""
    kept = list(points)
    for age, form in GRAINS:
        first: dict[str, datetime] = {}
        for one in kept:
            moment = first.setdefault(one.at.strftime(form), one.at)
            first[one.at.strftime(form)] = min(moment, one.at)
        firsts = set(first.values())
        kept = [one for one in kept if one.at >= now - age or one.pinned or one.at in firsts]
    return kept
