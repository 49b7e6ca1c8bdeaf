"""The gateway's port `Rebalancings` in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from gateway.application.rebalance_ports import DueLook, Taken
from gateway.domain.account_break import STOPPING, AccountBreak
from gateway.domain.errors import PositionNotFound, PositionOver
from gateway.domain.position import Position
from gateway.domain.rebalance_state import Rebalancing
from gateway.domain.rebalancing import RebalanceMode, RebalanceSettings
from gateway.outbound.postgres.rebalancing_repository import _announcement, _first
from kit.memory_gateway_orders import Say
from kit.memory_house import House, Transaction
from shared.trading.status import OVER_POSITIONS


class MemoryRebalancings:
    """Settings and states of all positions, and until when somebody looks at each.

    Args:
        say: Puts what is told into the outbox of the same transaction.
    """

    def __init__(self, house: House, say: Say) -> None:
        self._house = house
        self._say = say

    async def due(self, now: datetime, *, limit: int) -> list[DueLook]:
        """Positions of all users that are to be looked at, the longest due first."""
        rows: list[Rebalancing] = self._house.everything("rebalancings")
        waiting = [one for one in rows if _is_due(one, now)]
        waiting.sort(key=lambda one: one.check_at)
        return [DueLook(position_id=one.position_id, user_id=one.user_id) for one in waiting[:limit]]

    async def take(self, look: DueLook, now: datetime, *, until: datetime) -> Taken | None:
        """Take a position; the fence counts up, so that whoever had it before writes nothing."""
        with self._house.transaction(look.user_id) as transaction:
            rows, leases = transaction.rows("rebalancings"), transaction.rows("rebalancing_leases")
            known: Rebalancing | None = rows.get(look.position_id)
            leased_until: datetime | None = leases.get(look.position_id)
            if known is None or not _is_due(known, now) or (leased_until is not None and leased_until > now):
                return None
            taken = replace(known, fence=known.fence + 1)
            rows.put(look.position_id, taken)
            leases.put(look.position_id, until)
            found = _taken(transaction, taken)
            transaction.commit()
        return found

    async def settle(self, taken: Taken, found: Rebalancing) -> None:
        """Keep what was found and tell its owner; nothing when another has taken it since."""
        told = found.told_otherwise(taken.rebalancing)
        with self._house.transaction(found.user_id) as transaction:
            rows = transaction.rows("rebalancings")
            known: Rebalancing | None = rows.get(found.position_id)
            if known is None or known.fence != taken.rebalancing.fence:
                return
            version = found.version + 1 if told else found.version
            rows.put(found.position_id, replace(found, settings=known.settings, fence=known.fence, version=version))
            transaction.rows("rebalancing_leases").put(found.position_id, None)
            if told:
                await self._say(transaction, [_announcement(taken.position, found, version)])
            transaction.commit()

    async def choose(self, user_id: UUID, position_id: UUID, settings: RebalanceSettings, now: datetime) -> Rebalancing:
        """Keep what the owner chose; a look that is under way writes nothing any more."""
        with self._house.transaction(user_id) as transaction:
            await transaction.hold("position", position_id)
            position: Position | None = transaction.rows("positions").get(position_id)
            if position is None:
                raise PositionNotFound("You have no such position.")
            if position.status in OVER_POSITIONS:
                raise PositionOver(f"The position is {position.status}; there is nothing to bring back to its targets.")
            before: Rebalancing | None = transaction.rows("rebalancings").get(position_id)
            known = before or _first(position, settings, now)
            chosen = known.chosen(settings, now)
            told = before is not None and chosen.told_otherwise(before)
            version = known.version + 1 if told else known.version
            fence = before.fence + 1 if before else 0
            transaction.rows("rebalancings").put(position_id, replace(chosen, version=version, fence=fence))
            transaction.rows("rebalancing_leases").put(position_id, None)
            if told:
                await self._say(transaction, [_announcement(position, chosen, version)])
            transaction.commit()
        return chosen

    async def of(self, user_id: UUID, position_id: UUID) -> Rebalancing | None:
        """How a position's rebalancing stands."""
        with self._house.transaction(user_id) as transaction:
            found: Rebalancing | None = transaction.rows("rebalancings").get(position_id)
            return found


def _is_due(known: Rebalancing, now: datetime) -> bool:
    return known.settings.mode is not RebalanceMode.MANUAL and known.check_at <= now


def _taken(transaction: Transaction, rebalancing: Rebalancing) -> Taken | None:
    position: Position | None = transaction.rows("positions").get(rebalancing.position_id)
    if position is None:
        return None
    breaks: list[AccountBreak] = list(transaction.rows("breaks"))
    ordered = [
        row.accepted_at
        for row in transaction.rows("orders_taken")
        if (row.position_id, row.kind) == (rebalancing.position_id, "rebalance")
    ]
    return Taken(
        rebalancing=rebalancing,
        position=position,
        valuation=transaction.rows("values").get(rebalancing.position_id),
        ordered_at=max(ordered, default=None),
        breaks=sorted({one.break_class for one in breaks if _stops(one, position)}),
    )


def _stops(found: AccountBreak, position: Position) -> bool:
    return found.account_id == position.account_id and found.status == "open" and found.break_class in STOPPING
