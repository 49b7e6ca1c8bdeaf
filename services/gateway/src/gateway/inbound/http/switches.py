"""The platform's limits and the kill switch of any scope. For operators only."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import structlog
from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from gateway.inbound.caller import Operator
from gateway.inbound.desk import AtDesk
from gateway.inbound.http.guards import HaltAnswer, LimitsAnswer, Symbol
from gateway.inbound.http.models import Amount, Answer, Ask, Page
from gateway.inbound.http.preconditions import IfMatch, etag
from gateway.inbound.problems import declared
from shared.contracts.fields import DecimalText, Moment
from shared.contracts.rpc import guards as questions
from shared.contracts.rpc.verb import Empty
from shared.trading.status import VenueEnvironment

switches = APIRouter(tags=["system"])
log = structlog.get_logger(__name__)
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=500)]


class PlatformLimitsAsk(Ask):
    """What each user may open in this environment, and all of them together; quote units (USDT)."""

    order_max: Amount
    hour_max: Amount
    day_max: Amount
    slippage_bps_max: Amount
    price_age_s_max: Amount
    total_hour_max: Amount
    total_day_max: Amount
    reason: Reason = Field(description="Why; kept in the audit with your id.")


class PlatformLimitsValues(LimitsAnswer):
    """What each user may open, and all of them together."""

    total_hour_max: DecimalText
    total_day_max: DecimalText


class PlatformLimitsAnswer(Answer):
    """The limits of one environment; version 0 as long as those of the settings hold."""

    environment: VenueEnvironment
    version: int
    limits: PlatformLimitsValues
    changed_by: UUID | None
    changed_at: Moment | None
    reason: str


class HaltAsk(Ask):
    """Whom and what to stop: everybody and everything, as far as nothing is named."""

    user_id: UUID | None = None
    symbol: Symbol | None = None
    environment: VenueEnvironment | None = None
    extent: Literal["opening", "all"] = "opening"
    reason: Reason = Field(description="Read by everybody whom it stops.")


class ReleaseHaltAsk(Ask):
    """Why trading may go on."""

    reason: Reason = Field(description="Read by everybody who was stopped.")


class HaltRecordAnswer(HaltAnswer):
    """A halt as operators see it."""

    raised_by: UUID


@switches.get("/api/system/limits", operation_id="platform_limits_list", responses=declared(401, 403))
async def platform_limits(_operator: Operator, desk: AtDesk) -> Page[PlatformLimitsAnswer]:
    """The limits of every environment; operators only."""
    found = await desk.ask.ask(questions.PLATFORM_LIMITS, Empty())
    return Page[PlatformLimitsAnswer](items=[_limits(one) for one in found.items])


@switches.put(
    "/api/system/limits/{environment}",
    operation_id="platform_limits_set",
    responses=declared(400, 401, 403, 412, 428, 504),
)
async def set_platform_limits(
    environment: VenueEnvironment,
    body: PlatformLimitsAsk,
    operator: Operator,
    desk: AtDesk,
    response: Response,
    seen: IfMatch,
) -> PlatformLimitsAnswer:
    """Set the limits of an environment; users' own limits stay where they are stricter. Operators only."""
    limits = questions.PlatformLimits(**body.model_dump(exclude={"reason"}))
    asked = questions.SetPlatformLimits(
        environment=environment, limits=limits, version=seen, operator_id=operator.user_id, reason=body.reason
    )
    changed = await desk.ask.ask(questions.SET_PLATFORM_LIMITS, asked)
    log.warning("platform_limits_changed", environment=environment.value, operator_id=str(operator.user_id))
    response.headers["etag"] = etag(changed.version)
    return _limits(changed)


@switches.get("/api/system/kill-switch", operation_id="halts_list", responses=declared(401, 403))
async def halts(_operator: Operator, desk: AtDesk) -> Page[HaltRecordAnswer]:
    """Every standing halt of everybody, oldest first; operators only."""
    found = await desk.ask.ask(questions.LIST_HALTS, Empty())
    return Page[HaltRecordAnswer](items=[HaltRecordAnswer(**one.model_dump()) for one in found.items])


@switches.post(
    "/api/system/kill-switch", operation_id="halts_throw", status_code=201, responses=declared(400, 401, 403, 504)
)
async def halt(body: HaltAsk, operator: Operator, desk: AtDesk) -> HaltRecordAnswer:
    """Throw the kill switch: from this answer on nothing of it is signed. Operators only."""
    asked = questions.HaltTrading(by=operator.user_id, as_operator=True, **dict(body))
    thrown = await desk.ask.ask(questions.HALT_TRADING, asked)
    log.warning("trading_halted", halt_id=str(thrown.halt_id), scope=thrown.scope, operator_id=str(operator.user_id))
    return HaltRecordAnswer(**thrown.model_dump())


@switches.post(
    "/api/system/kill-switch/{halt_id}/release",
    operation_id="halts_release",
    responses=declared(400, 401, 403, 404, 504),
)
async def release(halt_id: UUID, body: ReleaseHaltAsk, operator: Operator, desk: AtDesk) -> HaltRecordAnswer:
    """Release a halt, whoever threw it. Operators only."""
    asked = questions.ReleaseHalt(halt_id=halt_id, operator_id=operator.user_id, reason=body.reason)
    gone = await desk.ask.ask(questions.RELEASE_HALT, asked)
    log.warning("trading_resumed", halt_id=str(halt_id), operator_id=str(operator.user_id))
    return HaltRecordAnswer(**gone.model_dump())


def _limits(view: questions.PlatformLimitsView) -> PlatformLimitsAnswer:
    return PlatformLimitsAnswer.model_validate(view.model_dump())
