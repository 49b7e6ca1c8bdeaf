"""The reconciler's port `Work` in memory; the same contract tests run against it and against PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from kit.memory_house import Rows, Transaction
from reconciler.domain.ages import CLOSE_FOR
from reconciler.domain.announcements import Announcement, Break, PnlPoint
from reconciler.domain.books import VALUED, Account, PositionBook
from reconciler.domain.flows import Flow, Moved
from reconciler.domain.held import HeldStill
from reconciler.domain.slippage import LegResult
from reconciler.domain.tracking import AccountProgress, ActivePosition, Tracked


class MemoryWork:
    """One transaction of one user."""

    def __init__(self, transaction: Transaction) -> None:
        self._unit = transaction
        self.told: list[Announcement] = []

    def _rows(self, table: str) -> Rows:
        return self._unit.rows(table)

    async def first_delivery(self, consumer: str, message_id: UUID) -> bool:
        await self._unit.hold("inbox", consumer, message_id)
        inbox = self._unit.everybodys("inbox")
        if inbox.get((consumer, message_id)) is not None:
            return False
        inbox.add((consumer, message_id), True)
        return True

    async def tracked(self, *, position_ids: Collection[UUID], skip_busy: bool = False) -> list[Tracked]:
        found: list[Tracked] = []
        for position_id in sorted(set(position_ids)):
            if self._rows("positions").get(position_id) is None:
                continue
            if skip_busy and self._unit.busy("position", position_id):
                continue
            await self._unit.hold("position", position_id)
            found += [row for row in [self._rows("positions").get(position_id)] if row is not None]
        return found

    async def save_book(self, book: PositionBook) -> None:
        await self._unit.hold("position", book.position_id)
        positions = self._rows("positions")
        known: Tracked | None = positions.get(book.position_id)
        if known is not None and known.book.traded_at > book.traded_at:
            return
        in_order = replace(book, coins=tuple(sorted(book.coins, key=lambda coin: coin.asset)))
        # What identifies a position is written once.
        kept = (
            in_order if known is None else replace(in_order, account=known.book.account, index_id=known.book.index_id)
        )
        positions.put(book.position_id, Tracked(book=kept) if known is None else replace(known, book=kept))
        self._list_as_active(kept)

    def _list_as_active(self, book: PositionBook) -> None:
        account, active = book.account, self._unit.everybodys("active_positions")
        key = (account.user_id, book.position_id)
        if book.status in VALUED:
            entry = ActivePosition(
                position_id=book.position_id, user_id=account.user_id, environment=account.environment
            )
            active.put(key, entry)
        else:
            active.put(key, None)

    async def save_tracking(self, tracked: Tracked) -> None:
        """Everything but the book, and the run's kind, which is noted by itself."""
        known: Tracked | None = self._rows("positions").get(tracked.book.position_id)
        if known is not None:
            kept = replace(tracked, book=known.book, run_kind=known.run_kind, before=None)
            self._rows("positions").put(tracked.book.position_id, kept)

    async def keep_point(self, point: PnlPoint, *, replace: bool) -> None:
        points = self._rows("points")
        key = (point.position_id, point.slot)
        if replace or points.get(key) is None:
            points.put(key, point)
        thinning = self._unit.everybodys("thinning")
        if thinning.get(point.position_id) is None:
            thinning.put(point.position_id, (point.at + CLOSE_FOR, self._unit.user_id, point.position_id))

    async def note_run(self, position_id: UUID, kind: str, legs: Sequence[LegResult]) -> None:
        known: Tracked | None = self._rows("positions").get(position_id)
        if known is None:
            return
        await self._unit.hold("position", position_id)
        self._rows("positions").put(position_id, replace(known, run_kind=kind))
        for leg in legs:
            found: tuple[UUID, LegResult] | None = self._rows("legs").get(leg.leg_id)
            if found is None or found[1].version < leg.version:
                self._rows("legs").put(leg.leg_id, (position_id, leg))

    async def add_flow(self, flow: Flow, moved: Sequence[Moved]) -> None:
        self._rows("flows").add((flow.position_id, flow.number), flow)
        for one in moved:
            self._rows("moved").add((flow.position_id, flow.number, one.asset), (flow.position_id, flow.number, one))

    async def held_still(self, position_id: UUID) -> Sequence[HeldStill]:
        found: tuple[HeldStill, ...] | None = self._rows("held_still").get(position_id)
        return found or ()

    async def save_held_still(self, position_id: UUID, held: Sequence[HeldStill]) -> None:
        self._rows("held_still").put(position_id, tuple(sorted(held, key=lambda coin: coin.asset)))

    async def progress(self, account: Account) -> AccountProgress:
        return self._rows("progress").get(account.account_id) or AccountProgress()

    async def save_progress(self, account: Account, progress: AccountProgress) -> None:
        self._rows("progress").put(account.account_id, progress)

    async def breaks(self, account: Account) -> list[Break]:
        found: list[Break] = [row for row in self._rows("breaks") if row.account.account_id == account.account_id]
        found.sort(key=lambda row: row.changed_at, reverse=True)
        return sorted(found, key=lambda row: row.status != "open")

    async def save_breaks(self, entries: Iterable[Break]) -> None:
        for entry in entries:
            finding = entry.finding
            subject = (entry.account.account_id, finding.break_class, finding.subject)
            subjects = self._rows("break_subjects")
            if subjects.get(subject) != entry.break_id:
                subjects.add(subject, entry.break_id)
            self._rows("breaks").put(entry.break_id, entry)

    async def tell(self, announcement: Announcement) -> None:
        self.told.append(announcement)
