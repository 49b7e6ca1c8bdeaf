"""Answers about guards: limits and the kill switch."""

from __future__ import annotations

from uuid import UUID

from keys.application.guard_ports import PlatformLimitsRecord
from keys.application.read_guards import GuardsNow
from keys.application.switch_trading import HaltOrder
from keys.domain.halts import Extent, Halt
from keys.domain.limits import Limits, OwnLimits, PlatformLimits
from keys.inbound.use_cases import UseCases
from shared.contracts.account import HaltView
from shared.contracts.rpc import guards as contract
from shared.contracts.rpc.keys import KeyRef
from shared.contracts.rpc.verb import Empty
from shared.runtime.rpc import RpcRouter
from shared.trading.status import VenueEnvironment


def guard_answers(router: RpcRouter, cases: UseCases) -> None:
    """Add the verbs of guards."""
    _limits(router, cases)
    _switch(router, cases)


def _limits(router: RpcRouter, cases: UseCases) -> None:
    @router.answer(contract.GUARDS)
    async def guards(request: contract.GuardsOf) -> contract.GuardsView:
        return await _view(cases, request.user_id, request.environment)

    @router.answer(contract.SET_OWN_LIMITS)
    async def set_own(request: contract.SetOwnLimits) -> contract.GuardsView:
        own = OwnLimits(**dict(request.limits))
        await cases.set_limits.own(request.user_id, request.environment, own, version=request.version)
        return await _view(cases, request.user_id, request.environment)

    @router.answer(contract.PLATFORM_LIMITS)
    async def platform(_: Empty) -> contract.PlatformLimitsList:
        found = await cases.guards.platform()
        return contract.PlatformLimitsList(items=[platform_view(where, one) for where, one in found.items()])

    @router.answer(contract.SET_PLATFORM_LIMITS)
    async def set_platform(request: contract.SetPlatformLimits) -> contract.PlatformLimitsView:
        record = await cases.set_limits.platform(
            request.environment,
            PlatformLimits(**dict(request.limits)),
            version=request.version,
            by=request.operator_id,
            reason=request.reason,
        )
        return platform_view(request.environment, record)

    @router.answer(contract.CHECK_LIMITS)
    async def check(request: KeyRef) -> contract.TradingRoom:
        key = await cases.read.one(request.user_id, request.key_id)
        now = await cases.guards.of(request.user_id, key.environment, account_hash=key.account_hash)
        tightest = now.tightest()
        return contract.TradingRoom(
            halts=[cases.halt_view(halt) for halt in now.halts],
            order_max=now.limits.order_max,
            slippage_bps_max=now.limits.slippage_bps_max,
            room=tightest.left,
            room_limit=tightest.name,
            room_max=tightest.most,
        )


def _switch(router: RpcRouter, cases: UseCases) -> None:
    @router.answer(contract.HALT_TRADING)
    async def halt(request: contract.HaltTrading) -> contract.HaltRecord:
        order = HaltOrder(
            by=request.by,
            as_operator=request.as_operator,
            user_id=request.user_id,
            symbol=request.symbol,
            environment=request.environment,
            extent=Extent(request.extent),
            reason=request.reason,
        )
        return _record(cases, await cases.switch.halt(order))

    @router.answer(contract.RELEASE_OWN)
    async def release_own(request: contract.ReleaseOwn) -> contract.HaltList:
        gone = await cases.switch.release_own(request.user_id, reason=request.reason)
        return contract.HaltList(items=[_record(cases, one) for one in gone])

    @router.answer(contract.RELEASE_HALT)
    async def release(request: contract.ReleaseHalt) -> contract.HaltRecord:
        gone = await cases.switch.release(request.halt_id, by=request.operator_id, reason=request.reason)
        return _record(cases, gone)

    @router.answer(contract.LIST_HALTS)
    async def halts(_: Empty) -> contract.HaltList:
        return contract.HaltList(items=[_record(cases, one) for one in await cases.guards.standing()])


async def _view(cases: UseCases, user_id: UUID, environment: VenueEnvironment) -> contract.GuardsView:
    now = await cases.guards.of(user_id, environment)
    return guards_view(now, [cases.halt_view(halt) for halt in now.halts])


def _record(cases: UseCases, halt: Halt) -> contract.HaltRecord:
    return halt_record(cases.halt_view(halt), halt)


def halt_record(view: HaltView, halt: Halt) -> contract.HaltRecord:
    """What operators see: also who it was."""
    return contract.HaltRecord(**dict(view), raised_by=halt.raised_by)


def guards_view(now: GuardsNow, halts: list[HaltView]) -> contract.GuardsView:
    """What a user sees of their guards."""
    return contract.GuardsView(
        environment=now.environment,
        version=now.own.version,
        own=contract.OwnLimits.model_validate(now.own.limits, from_attributes=True),
        platform=_limits_view(now.platform.limits),
        limits=_limits_view(now.limits),
        spent_hour=now.spent.hour,
        spent_day=now.spent.day,
        halts=halts,
    )


def platform_view(environment: VenueEnvironment, record: PlatformLimitsRecord) -> contract.PlatformLimitsView:
    """What operators see of the limits of an environment."""
    return contract.PlatformLimitsView(
        environment=environment,
        version=record.version,
        limits=contract.PlatformLimits.model_validate(record.limits, from_attributes=True),
        changed_by=record.changed_by,
        changed_at=record.changed_at,
        reason=record.reason,
    )


def _limits_view(limits: Limits) -> contract.Limits:
    return contract.Limits.model_validate(limits, from_attributes=True)
