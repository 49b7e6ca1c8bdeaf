"""The reconciler's ports `ResultsShelf` and `ThinningList` in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kit.memory_house import House, Transaction
from reconciler.domain.ages import Ages
from reconciler.domain.announcements import PnlPoint
from reconciler.domain.performance import Kept
from reconciler.domain.tracking import Tracked

LINE_POINTS = 400
POSITIONS_MOST = 500


class MemoryResults:
    """What was kept, and the list of positions to thin."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def position(self, user_id: UUID, position_id: UUID) -> Kept | None:
        """One position with all its points; None for one that is not this user's."""
        with self._house.transaction(user_id) as transaction:
            tracked: Tracked | None = transaction.rows("positions").get(position_id)
            return None if tracked is None else _kept(transaction, tracked, _points(transaction, position_id))

    async def positions(self, user_id: UUID, *, since: datetime | None, now: datetime) -> Sequence[Kept]:
        """All of a user's positions, each with the last point of each stretch of time."""
        with self._house.transaction(user_id) as transaction:
            everything: list[Tracked] = list(transaction.rows("positions"))
            found = sorted(everything, key=lambda one: one.book.position_id)[:POSITIONS_MOST]
            slots = [point.slot for point in transaction.rows("points")]
            begin = since or min(slots, default=now)
            stretch_s = max(300, int((now - begin).total_seconds()) // LINE_POINTS)
            return [
                _kept(transaction, one, _evenly(_points(transaction, one.book.position_id), begin, stretch_s))
                for one in found
            ]

    async def due(self, now: datetime, *, limit: int, again: datetime) -> list[tuple[UUID, UUID]]:
        """User and position of those that are due, oldest first."""
        with self._house.transaction() as transaction:
            thinning = transaction.everybodys("thinning")
            waiting: list[tuple[datetime, UUID, UUID]] = sorted(row for row in thinning if row[0] <= now)
            taken = [(user_id, position_id) for _, user_id, position_id in waiting[:limit]]
            for user_id, position_id in taken:
                thinning.put(position_id, (again, user_id, position_id))
            transaction.commit()
        return taken

    async def thin(self, user_id: UUID, position_id: UUID, ages: Ages) -> int:
        """Of each complete hour, or day, the last, the lowest and the highest point stay."""
        with self._house.transaction(user_id) as transaction:
            buckets: dict[tuple[bool, datetime], list[PnlPoint]] = {}
            for point in _points(transaction, position_id):
                if point.slot < ages.all_since:
                    buckets.setdefault(_bucket(point.slot, ages), []).append(point)
            gone = [point for points in buckets.values() for point in points if point not in _staying(points)]
            rows = transaction.rows("points")
            for point in gone:
                rows.put((position_id, point.slot), None)
            transaction.commit()
        return len(gone)

    async def done(self, user_id: UUID, position_id: UUID, *, before: datetime) -> bool:
        """Forget a position whose youngest point is older than `before`."""
        with self._house.transaction(user_id) as transaction:
            points = _points(transaction, position_id)
            if points and points[-1].slot >= before:
                return False
            transaction.everybodys("thinning").put(position_id, None)
            transaction.commit()
        return True


def _points(transaction: Transaction, position_id: UUID) -> list[PnlPoint]:
    found = (point for point in transaction.rows("points") if point.position_id == position_id)
    return sorted(found, key=lambda point: point.slot)


def _evenly(points: Sequence[PnlPoint], begin: datetime, stretch_s: int) -> list[PnlPoint]:
    last = {
        int(point.slot.timestamp()) // stretch_s: point for point in points if point.slot >= begin - timedelta(days=1)
    }
    return list(last.values())


def _bucket(slot: datetime, ages: Ages) -> tuple[bool, datetime]:
    old = slot < ages.hours_since
    hour = slot.replace(minute=0, second=0, microsecond=0)
    return old, hour.replace(hour=0) if old else hour


def _staying(points: Sequence[PnlPoint]) -> list[PnlPoint]:
    """Of points with the same value the youngest stays."""
    newest_first = sorted(points, key=lambda point: point.slot, reverse=True)
    lowest = min(newest_first, key=lambda point: point.value)
    highest = max(newest_first, key=lambda point: point.value)
    return [newest_first[0], lowest, highest]


def _kept(transaction: Transaction, tracked: Tracked, points: Sequence[PnlPoint]) -> Kept:
    position_id = tracked.book.position_id

    def mine(table: str) -> list[Any]:
        return [row for row in transaction.rows(table) if row[0] == position_id]

    seen = [flow for flow in transaction.rows("flows") if flow.number <= tracked.border.flows]
    flows = [flow for flow in seen if flow.position_id == position_id]
    return Kept(
        tracked=tracked,
        points=points,
        flows=sorted(flows, key=lambda flow: flow.number),
        moved=[one for _, _, one in mine("moved")],
        legs=sorted((leg for _, leg in mine("legs")), key=lambda leg: leg.leg_id),
        in_kind=frozenset(number for _, number, _ in mine("moved")),
        held=transaction.rows("held_still").get(position_id) or (),
    )
