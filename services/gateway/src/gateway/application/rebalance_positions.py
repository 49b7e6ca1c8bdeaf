"""Look at positions that are not left to their owners alone: suggest a rebalance, order it, or say what is in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog

from gateway.application.rebalance_ports import (
    DueLook,
    IndexHead,
    IndexHeads,
    PlanRunner,
    RebalancePlan,
    RebalancePlanner,
    Rebalancings,
    Taken,
)
from gateway.application.run_plan import RunOrder
from gateway.domain.errors import (
    IdempotencyKeyReused,
    PlanAlreadyUsed,
    PlanChanged,
    PlanExpired,
    PositionBusy,
    RebalancingChanged,
    RunAlreadyRequested,
)
from gateway.domain.position import Valuation
from gateway.domain.rebalance_state import RebalanceState, Rebalancing
from gateway.domain.rebalancing import CoinWeight, Due, RebalanceMode, Standing, decide
from shared.trading.clock import Clock
from shared.trading.errors import PlatformError, Throttled, Unavailable
from shared.trading.status import OVER_POSITIONS, PositionStatus

TRIES = 3
"""Plans made for one order while prices move away; later looks try again, after a pause."""
AT_ONCE = 100
SIDE_BY_SIDE = 8
VALUE_AGE_MAX = timedelta(minutes=15)
"""A value that nobody has confirmed for so long is not decided on."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a position is looked at.

    Attributes:
        every: Between two looks.
        pause: After one that found it due and could not act: a plan costs several services their time.
        lease: For how long a replica has a position to itself.
        rest: Before a position that is over is looked at again: a late match may revive it.
    """

    every: timedelta = timedelta(seconds=10)
    pause: timedelta = timedelta(minutes=5)
    lease: timedelta = timedelta(seconds=60)
    rest: timedelta = timedelta(days=1)


class RebalancePositions:
    """One pass over all positions that are due for a look.

    Whatever is ordered is ordered once: the request is keyed by the position, its state and its last order, each order
    changes them, and the cooldown counts from the kept request itself, so a look after a crash finds it.
    """

    def __init__(
        self,
        *,
        rebalancings: Rebalancings,
        heads: IndexHeads,
        planner: RebalancePlanner,
        run: PlanRunner,
        clock: Clock,
        pace: Pace | None = None,
    ) -> None:
        self._rebalancings = rebalancings
        self._heads = heads
        self._planner = planner
        self._run = run
        self._clock = clock
        self._pace = pace or Pace()

    async def __call__(self) -> int:
        """How many positions this replica has looked at."""
        places = asyncio.Semaphore(SIDE_BY_SIDE)
        due = await self._rebalancings.due(self._clock.now(), limit=AT_ONCE)
        looks = await asyncio.gather(*(self._guarded(one, places) for one in due))
        return sum(looks)

    async def _guarded(self, look: DueLook, places: asyncio.Semaphore) -> bool:
        try:
            return await self._look(look, places)
        except Exception:
            # One position's mistake is not the others': its lease runs out, and it is looked at again.
            log.exception("rebalance_look_broken", position_id=str(look.position_id))
            return False

    async def _look(self, look: DueLook, places: asyncio.Semaphore) -> bool:
        async with places:
            now = self._clock.now()
            taken = await self._rebalancings.take(look, now, until=now + self._pace.lease)
            if taken is None:
                return False
            try:
                found = await self._found(taken, now)
            except (Unavailable, Throttled) as error:
                log.warning("rebalance_look_failed", position_id=str(look.position_id), code=error.code)
                found = replace(taken.rebalancing, check_at=now + self._pace.every)
            await self._rebalancings.settle(taken, found)
            return True

    async def _found(self, taken: Taken, now: datetime) -> Rebalancing:
        known, position = taken.rebalancing, taken.position
        if position.status in OVER_POSITIONS:
            return replace(known.idle(now), check_at=now + self._pace.rest)
        soon = replace(known, check_at=now + self._pace.every, last_at=_latest(known.last_at, taken.ordered_at))
        if taken.valuation is None or now - taken.valuation.at > VALUE_AGE_MAX:
            return soon
        head = await self._heads.head(position.environment, position.index_id, user_id=position.user_id)
        standing = _standing(soon, taken, taken.valuation, head)
        due = decide(soon.settings, standing, now, stands=known.state is RebalanceState.SUGGESTED)
        obstacle = _obstacle(taken)
        if due is None or (due.maybe and obstacle):
            trading = known.state is RebalanceState.STARTED and position.status is not PositionStatus.ACTIVE
            return soon if trading else soon.idle(now)
        if obstacle:
            return soon.blocked(due.trigger, obstacle, now=now)
        if soon.suggests(due.trigger, position_version=position.version):
            return soon
        return await self._acted(soon, taken, due, now)

    async def _acted(self, known: Rebalancing, taken: Taken, due: Due, now: datetime) -> Rebalancing:
        """Suggested, ordered, found to be nothing, or blocked."""
        paused = replace(known, check_at=now + self._pace.pause)
        try:
            plan = await self._plan(taken, due)
            if not plan.executable:
                return _nothing(paused, due, plan, now)
            if known.settings.mode is RebalanceMode.SUGGESTED:
                return known.suggested(
                    due.trigger, plan_id=plan.plan_id, position_version=plan.position_version, now=now
                )
            return await self._ordered(known, paused, taken, due, plan, now)
        except (Unavailable, Throttled):
            raise
        except PlatformError as error:
            return paused.still_left_out(now) if due.maybe else paused.blocked(due.trigger, error.code, now=now)

    async def _plan(self, taken: Taken, due: Due) -> RebalancePlan:
        position = taken.position
        return await self._planner.rebalance(user_id=position.user_id, position_id=position.position_id, due=due)

    async def _ordered(
        self, known: Rebalancing, paused: Rebalancing, taken: Taken, due: Due, plan: RebalancePlan, now: datetime
    ) -> Rebalancing:
        position = taken.position
        for _ in range(TRIES):
            order = RunOrder(
                user_id=position.user_id,
                key=f"rebalance:{position.position_id}:{plan.position_version}:{known.last_at or 'first'}",
                position_id=position.position_id,
                plan_id=plan.plan_id,
                fence=taken.rebalancing.fence,
            )
            try:
                await self._run(order)
            except (PlanChanged, PlanExpired):
                plan = await self._plan(taken, due)
                if not plan.executable:
                    return _nothing(paused, due, plan, now)
                continue
            except (PositionBusy, RunAlreadyRequested):
                return known.blocked(due.trigger, "run_open", now=now)
            except RebalancingChanged:
                return known  # the fence has moved: nothing of this look is kept
            except (IdempotencyKeyReused, PlanAlreadyUsed):
                # A replica that was away too long had ordered it; its plan is the one that trades.
                return replace(known.idle(now), last_at=now)
            log.info("rebalance_ordered", position_id=str(position.position_id), trigger=due.trigger.value)
            return known.started(due.trigger, plan_id=plan.plan_id, now=now)
        return paused.blocked(due.trigger, "prices_moving", now=now)


def _nothing(known: Rebalancing, due: Due, plan: RebalancePlan, now: datetime) -> Rebalancing:
    if due.maybe:
        return known.still_left_out(now)
    if plan.obstacles:
        return known.blocked(due.trigger, ",".join(plan.obstacles), now=now)
    return known.done(index_version=plan.index_version, dated=due.dated, now=now)


def _latest(*moments: datetime | None) -> datetime | None:
    return max((one for one in moments if one is not None), default=None)


def _obstacle(taken: Taken) -> str | None:
    """What stops everything that trades by itself."""
    position = taken.position
    if position.status is not PositionStatus.ACTIVE:
        return "run_open"
    if position.trading_paused:
        return f"trading_paused:{position.trading_paused}"
    return f"open_break:{','.join(taken.breaks)}" if taken.breaks else None


def _standing(known: Rebalancing, taken: Taken, valuation: Valuation, head: IndexHead | None) -> Standing:
    held = max(taken.position.index_version or 0, known.seen_version)
    coins = _coins(valuation.holdings)
    return Standing(
        coins=coins,
        value=valuation.value,
        cash=taken.position.cash,
        cash_share=head.cash_share if head else Decimal(0),
        index_version=held,
        newest_version=head.version if head else held,
        last_at=known.last_at,
        dated_from=known.dated_from,
        left_out=_left_out(coins, head, held),
        left_out_at=known.left_out_at,
    )


def _left_out(coins: Sequence[CoinWeight], head: IndexHead | None, held: int) -> tuple[str, ...]:
    """Constituents that the position does not aim at; those of a version that is not traded yet come with it."""
    if head is None or head.version > held:
        return ()
    return tuple(sorted(head.symbols - {coin.symbol for coin in coins if coin.target > 0}))


def _coins(holdings: Sequence[Mapping[str, Any]]) -> list[CoinWeight]:
    return [
        CoinWeight(
            symbol=str(one["symbol"]),
            weight=Decimal(one["weight"]),
            target=Decimal(one["target_weight"]),
            priced=not one["mark_stale"],
        )
        for one in holdings
    ]
