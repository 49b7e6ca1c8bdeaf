"""The gateway's ports `Acceptances` and `Acceptance` in memory: answer, request and command together, or none of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.domain.accepted import Accepted, Opening, RememberedAnswer
from gateway.domain.plan import Plan
from gateway.domain.position import Position
from gateway.domain.rebalance_state import Rebalancing
from gateway.domain.rebalancing import RebalanceMode
from gateway.domain.traded_plan import TradedPlan
from gateway.outbound import commands
from gateway.outbound.execution_client import _plan
from gateway.outbound.postgres.acceptance_repository import KEPT
from kit.memory_house import House, Transaction
from shared.contracts import orders
from shared.runtime.outbox import Announcement
from shared.trading.money import ZERO

Say = Callable[[Transaction, Sequence[Announcement]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTaken:
    """A plan that was ordered for a standing position, and the state of the position then."""

    plan_id: UUID
    position_id: UUID
    kind: str
    accepted_at: datetime
    position_version: int


class MemoryAcceptance:
    """One such transaction.

    Args:
        say: Puts commands into the outbox of the same transaction.
    """

    def __init__(self, transaction: Transaction, say: Say) -> None:
        self._unit = transaction
        self._say = say

    async def plan(self, plan_id: UUID) -> Plan | None:
        """A plan handed to this user."""
        found = self._unit.rows("plans").get(plan_id)
        return _plan(found) if found else None

    async def traded(self, plan_id: UUID) -> TradedPlan | None:
        """What the plan was ordered for before; its legs are not counted here."""
        if taken := self._unit.rows("orders_taken").get(plan_id):
            position = self._unit.rows("positions").get(taken.position_id)
            assert position is not None, "a run is of a position"
            heard = position.version > taken.position_version
            return _traded(plan_id, position, ordered_at=taken.accepted_at, heard=heard, opened=False)
        opened = next((one for one in self._unit.rows("positions") if one.plan_id == plan_id), None)
        return _traded(plan_id, opened, ordered_at=opened.created_at, heard=opened.version > 0) if opened else None

    async def answer(self, key: str) -> RememberedAnswer | None:
        """What was answered under a key."""
        found: RememberedAnswer | None = self._unit.rows("answers").get(key)
        return found

    async def remember(self, key: str, fingerprint: str, accepted: Accepted) -> RememberedAnswer | None:
        """Keep the answer, or return the one that stands; it waits while a twin's transaction is open."""
        await self._unit.hold("answer", self._unit.user_id, key)
        earlier = await self.answer(key)
        if earlier is not None and earlier.accepted.accepted_at >= accepted.accepted_at - KEPT:
            return earlier
        self._unit.rows("answers").put(key, RememberedAnswer(fingerprint=fingerprint, accepted=accepted))
        return None

    async def open(
        self, key: str, fingerprint: str, plan: Plan, accepted: Accepted, *, signing_ends: datetime
    ) -> Opening:
        """Keep the answer, and record the position and its command unless the plan has opened one before."""
        if earlier := await self.remember(key, fingerprint, accepted):
            return Opening(earlier=earlier, opened=False)
        await self._unit.hold("opening", plan.plan_id)
        known = {one.plan_id for one in self._unit.rows("positions")} | {
            one.position_id for one in self._unit.rows("positions")
        }
        if known & {plan.plan_id, accepted.position_id}:
            return Opening(earlier=None, opened=False)
        self._unit.rows("positions").add(accepted.position_id, _opened(plan, accepted))
        command = commands.place_basket_order(plan, accepted, signing_ends=signing_ends)
        await self._say(self._unit, [commands.announcement(command, version=1)])
        return Opening(earlier=None, opened=True)

    async def close(self, plan: Plan, accepted: Accepted, position: Position, *, signing_ends: datetime) -> bool:
        """Record the request and its command; False when the plan was used before."""
        command = commands.close_position(plan, accepted, signing_ends=signing_ends)
        return await self._ordered(plan, accepted, position, command)

    async def run(self, plan: Plan, accepted: Accepted, position: Position, *, signing_ends: datetime) -> bool:
        """The same for whatever a plan does to a standing position."""
        if plan.kind == "close":
            return await self.close(plan, accepted, position, signing_ends=signing_ends)
        command = commands.execute_plan(plan, accepted, signing_ends=signing_ends)
        return await self._ordered(plan, accepted, position, command)

    async def _ordered(
        self, plan: Plan, accepted: Accepted, position: Position, command: orders.ClosePosition | orders.ExecutePlan
    ) -> bool:
        taken = self._unit.rows("orders_taken")
        if taken.get(plan.plan_id) is not None:
            return False
        row = OrderTaken(
            plan_id=plan.plan_id,
            position_id=accepted.position_id,
            kind=plan.kind,
            accepted_at=accepted.accepted_at,
            position_version=position.version,
        )
        taken.add(plan.plan_id, row)
        await self._say(self._unit, [commands.announcement(command, version=self._count(accepted.position_id))])
        return True

    def _count(self, position_id: UUID) -> int:
        """The command that opened it was the first."""
        counts = self._unit.rows("commands")
        number: int = (counts.get(position_id) or 1) + 1
        counts.put(position_id, number)
        return number

    async def closing(self, position: Position, *, since: datetime) -> bool:
        """Whether an order taken after `since` still waits for a word of execution."""
        return any(
            row.position_id == position.position_id
            and row.position_version >= position.version
            and row.accepted_at > since
            for row in self._unit.rows("orders_taken")
        )

    async def position(self, position_id: UUID, *, lock: bool = False) -> Position | None:
        """A position of this user; `lock` holds it until the transaction ends."""
        if lock:
            await self._unit.hold("position", position_id)
        found: Position | None = self._unit.rows("positions").get(position_id)
        return found

    async def rebalances_itself(self, position_id: UUID, *, fence: int) -> bool:
        """Whether its owner still wants what a look with this fence orders."""
        found: Rebalancing | None = self._unit.rows("rebalancings").get(position_id)
        return found is not None and found.fence == fence and found.settings.mode is RebalanceMode.AUTOMATIC


class MemoryAcceptances:
    """Opens such transactions."""

    def __init__(self, house: House, say: Say) -> None:
        self._house = house
        self._say = say

    @asynccontextmanager
    async def begin(self, user_id: UUID) -> AsyncIterator[MemoryAcceptance]:
        """Commits when the block ends, forgets everything on any error."""
        with self._house.transaction(user_id) as transaction:
            yield MemoryAcceptance(transaction, self._say)
            transaction.commit()


def _traded(plan_id: UUID, position: Position, *, ordered_at: datetime, heard: bool, opened: bool = True) -> TradedPlan:
    return TradedPlan(
        plan_id=plan_id,
        position_id=position.position_id,
        ordered_at=ordered_at,
        status=position.status,
        newest_run=position.run_id,
        heard=heard,
        legs=0,
        filled=0,
        opened=opened,
    )


def _opened(plan: Plan, accepted: Accepted) -> Position:
    return Position(
        position_id=accepted.position_id,
        user_id=plan.user_id,
        account_id=plan.account_id,
        environment=plan.environment,
        plan_id=plan.plan_id,
        index_id=plan.index_id,
        index_version=plan.index_version,
        status=accepted.status,
        complete=None,
        reasons=[],
        blocked_reason=None,
        policy="HOLD",
        run_id=None,
        run_kind=None,
        approved_amount=plan.amount,
        invested=ZERO,
        proceeds=ZERO,
        created_at=accepted.accepted_at,
        updated_at=accepted.accepted_at,
        version=0,
    )
