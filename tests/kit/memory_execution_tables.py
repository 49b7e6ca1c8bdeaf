"""Execution's committed rows of one account's user: for a test to lay down, and to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from execution.application.book_ports import Reservation
from execution.application.ports import Account
from execution.application.told import Told
from execution.domain.account_flow import AccountFlow
from execution.domain.attempt import Attempt
from execution.domain.fill import Fill
from execution.domain.hand_settlement import HandSettlement
from execution.domain.journal import JournalLine
from execution.domain.leg import Leg
from execution.domain.plan import Plan
from execution.domain.position import Position, PositionHolding, Run
from execution.domain.shortage import AnswerRecord, Shortage
from kit.memory_execution_books import MemoryBooks
from kit.memory_execution_work import EPOCH, DeskRow
from kit.memory_house import NOBODY, House, Transaction


class BookTables:
    """The books of a user in memory, outside of any transaction; the account has a desk that rests, with a fence of 1.

    Attributes:
        books: Whoever works on them goes through this port.
        told: Everything that was committed to be told, oldest first.
    """

    def __init__(self, house: House, account: Account) -> None:
        self._house, self._user_id = house, account.user_id
        self.told: list[Told] = []
        self.books = MemoryBooks(house, self._announce)
        self.positions: dict[UUID, Position] = self._table("positions")
        self.runs: dict[UUID, Run] = self._table("runs")
        self.legs_: dict[UUID, Leg] = self._table("legs")
        self.attempts: dict[str, Attempt] = self._table("attempts")
        self.holdings_: dict[tuple[UUID, str], PositionHolding] = self._table("holdings")
        self.reservations: dict[tuple[UUID, str], Reservation] = self._table("reservations")
        self.plans: dict[UUID, Plan] = self._table("plans")
        self.journal: dict[tuple[UUID, str, int], JournalLine] = self._table("journal")
        resting = DeskRow(account=account, work=False, traded=False, watch_until=EPOCH, fence=1)
        house.committed(NOBODY, "desks")[account.account_id] = resting

    @property
    def desks(self) -> list[UUID]:
        """Accounts for which somebody wants a desk."""
        rows = self._house.committed(NOBODY, "desks").values()
        return [row.account.account_id for row in rows if row.work or row.watch_until > EPOCH]

    @property
    def lines(self) -> list[JournalLine]:
        """The journal, oldest first."""
        return list(self.journal.values())

    @property
    def fills(self) -> dict[str, Fill]:
        """Matches in the books, by the venue's id."""
        return {fill.exec_id: fill for fill in self._table("fills").values()}

    @property
    def flows_(self) -> dict[str, AccountFlow]:
        """What moved beside us, by its id."""
        return {flow.flow_id: flow for flow in self._table("account_flows").values()}

    @property
    def shortages_(self) -> dict[UUID, tuple[Shortage, Mapping[UUID, Decimal]]]:
        """Every shortage there ever was, with the positions' shares of it."""
        shares = self._table("shares").values()
        return {
            one.shortage_id: (
                one,
                {share.position_id: share.quantity for share in shares if share.shortage_id == one.shortage_id},
            )
            for one in self._table("shortages").values()
        }

    @property
    def answers(self) -> list[AnswerRecord]:
        """What users said of shortages."""
        return list(self._table("shortage_answers").values())

    @property
    def settlements(self) -> list[HandSettlement]:
        """What operators ended."""
        return list(self._table("hand_settlements").values())

    def legs_of_run(self, run_id: UUID) -> Sequence[Leg]:
        """In the order of the plan."""
        return sorted((leg for leg in self.legs_.values() if leg.run_id == run_id), key=lambda leg: leg.number)

    def _table(self, name: str) -> Any:
        return self._house.committed(self._user_id, name)

    async def _announce(self, transaction: Transaction, told: Sequence[tuple[Told, Run | None]]) -> None:
        transaction.on_commit(lambda: self.told.extend(one for one, _ in told))
