"""The gateway's port `Pictures`, and its shelf of plans, in memory."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from gateway.application.ports import Message, Strokes
from gateway.domain.position import Position
from kit.memory_house import House, Transaction
from shared.contracts.rpc.plans import PlanView


class MemoryPictures:
    """The newest version of each noun wins, and a message changes something once."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def paint(self, message: Message, strokes: Strokes) -> None:
        """Change the picture."""
        with self._house.transaction(message.user_id) as transaction:
            inbox, key = transaction.everybodys("gateway_inbox"), (message.consumer, message.event_id)
            if inbox.get(key) is not None:
                return
            inbox.add(key, key)
            _paint(transaction, strokes)
            transaction.commit()


def _paint(transaction: Transaction, strokes: Strokes) -> None:
    for position in strokes.positions:
        known: Position | None = transaction.rows("positions").get(position.position_id)
        # Plan and moment were said at acceptance; events do not change them.
        if known is not None:
            position = replace(position, plan_id=known.plan_id, created_at=known.created_at)  # noqa: PLW2901
        _newer(transaction, "positions", position.position_id, position)
    for leg in strokes.legs:
        _newer(transaction, "legs", leg.leg_id, leg)
    for valuation in strokes.valuations:
        _newer(transaction, "values", valuation.position_id, valuation)
    for deviation in strokes.deviations:
        _newer(transaction, "deviations", deviation.position_id, deviation)
    for found in strokes.breaks:
        _newer(transaction, "breaks", found.break_id, found)
    _first(transaction, "fills", [((fill.account_id, fill.exec_id), fill) for fill in strokes.fills])
    releases = [((one.position_id, one.asset, one.entry), one) for one in strokes.releases]
    _first(transaction, "releases", releases)
    _first(transaction, "activity", [(line.event_id, line) for line in strokes.activity])


def _newer(transaction: Transaction, table: str, key: Hashable, noun: Any) -> None:
    known = transaction.rows(table).get(key)
    if known is None or known.version < noun.version:
        transaction.rows(table).put(key, noun)


def _first(transaction: Transaction, table: str, nouns: Sequence[tuple[Hashable, Any]]) -> None:
    rows = transaction.rows(table)
    for key, noun in nouns:
        if rows.get(key) is None:
            rows.add(key, noun)


class MemoryPlans:
    """Plans by their owner."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def keep(self, plan: PlanView) -> None:
        """Keep a plan; the same one twice changes nothing."""
        with self._house.transaction(plan.user_id) as transaction:
            _first(transaction, "plans", [(plan.plan_id, plan)])
            transaction.commit()

    async def find(self, user_id: UUID, plan_id: UUID) -> PlanView | None:
        """A plan handed to this user, as it was."""
        with self._house.transaction(user_id) as transaction:
            found: PlanView | None = transaction.rows("plans").get(plan_id)
            return found
