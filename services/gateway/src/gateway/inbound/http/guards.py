"""What protects a user's money from mistakes: their own limits, and the switch that stops their own trading."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field, StringConstraints

from gateway.inbound.caller import User, by_user
from gateway.inbound.desk import AtDesk
from gateway.inbound.http.models import Amount, Answer, Ask, Page
from gateway.inbound.http.preconditions import IfMatch, etag
from gateway.inbound.problems import declared
from shared.contracts.account import HaltView
from shared.contracts.fields import DecimalText
from shared.contracts.rpc import guards as questions
from shared.trading.status import VenueEnvironment

guards = APIRouter(tags=["guards"])
Counted = Depends(by_user("keys"))
Where = Annotated[VenueEnvironment, Query(description="Paper money and real money have limits and sums of their own.")]
Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,30}$")]


class OwnLimitsAsk(Ask):
    """Your own limits, each at most the platform's; null leaves it to the platform. Amounts in quote units (USDT)."""

    order_max: Amount | None = None
    hour_max: Amount | None = None
    day_max: Amount | None = None
    slippage_bps_max: Amount | None = None
    price_age_s_max: Amount | None = None


class OwnLimitsAnswer(Answer):
    """Your own limits; null where the platform's are enough."""

    order_max: DecimalText | None
    hour_max: DecimalText | None
    day_max: DecimalText | None
    slippage_bps_max: DecimalText | None
    price_age_s_max: DecimalText | None


class LimitsAnswer(Answer):
    """Limits of opening orders (buys) at their limit price; amounts in quote units (USDT)."""

    order_max: DecimalText
    hour_max: DecimalText
    day_max: DecimalText
    slippage_bps_max: DecimalText = Field(description="Of the limit price, against the price that the plan showed.")
    price_age_s_max: DecimalText = Field(description="Of the price that the plan showed, when the order is signed.")


class HaltAnswer(HaltView):
    """A throw of the kill switch."""


class GuardsAnswer(Answer):
    """Limits, what is used of them, and what is halted now."""

    environment: VenueEnvironment
    version: int = Field(description="Of your own limits; the ETag carries it.")
    own: OwnLimitsAnswer
    platform: LimitsAnswer
    limits: LimitsAnswer = Field(description="What binds: the stricter of both, one by one.")
    spent_hour: DecimalText
    spent_day: DecimalText
    halts: list[HaltAnswer]


class StopAsk(Ask):
    """What is to be stopped: everything that is yours, unless a symbol or an environment is named."""

    extent: Literal["opening", "all"] = Field(
        default="opening", description="`opening`: nothing is bought, selling goes on. `all`: nothing is traded."
    )
    symbol: Symbol | None = None
    environment: VenueEnvironment | None = None
    reason: str = Field(default="", max_length=500)


class ReleaseAsk(Ask):
    """Why trading may go on."""

    reason: str = Field(default="", max_length=500)


@guards.get("/api/guards", operation_id="guards_get", responses=declared(401))
async def get_guards(
    user: User, desk: AtDesk, response: Response, environment: Where = VenueEnvironment.PAPER
) -> GuardsAnswer:
    """Your limits, what is used of them, and what is halted."""
    asked = questions.GuardsOf(user_id=user.user_id, environment=environment)
    return _answer(await desk.ask.ask(questions.GUARDS, asked), response)


@guards.put(
    "/api/guards",
    operation_id="guards_set",
    responses=declared(400, 401, 403, 412, 428, 504),
    dependencies=[Counted],
)
async def set_guards(
    body: OwnLimitsAsk,
    user: User,
    desk: AtDesk,
    response: Response,
    seen: IfMatch,
    environment: Where = VenueEnvironment.PAPER,
) -> GuardsAnswer:
    """Set your own limits: each can only be stricter than the platform's."""
    limits = questions.OwnLimits(**dict(body))
    asked = questions.SetOwnLimits(user_id=user.user_id, environment=environment, limits=limits, version=seen)
    return _answer(await desk.ask.ask(questions.SET_OWN_LIMITS, asked), response)


@guards.post(
    "/api/kill-switch",
    operation_id="kill_switch_throw",
    status_code=201,
    responses=declared(400, 401, 403, 504),
    dependencies=[Counted],
)
async def stop_trading(body: StopAsk, user: User, desk: AtDesk) -> HaltAnswer:
    """Stop your own trading: from this answer on nothing of it is signed. Orders at the venue end by themselves at once.

    Thrown twice it is still one halt.
    """
    asked = questions.HaltTrading(
        by=user.user_id,
        as_operator=False,
        user_id=user.user_id,
        symbol=body.symbol,
        environment=body.environment,
        extent=body.extent,
        reason=body.reason,
    )
    halt = await desk.ask.ask(questions.HALT_TRADING, asked)
    return HaltAnswer(**halt.model_dump(exclude={"raised_by"}))


@guards.post(
    "/api/kill-switch/release",
    operation_id="kill_switch_release",
    responses=declared(400, 401, 403, 404, 504),
    dependencies=[Counted],
)
async def release_trading(
    user: User, desk: AtDesk, body: Annotated[ReleaseAsk | None, Field()] = None
) -> Page[HaltAnswer]:
    """Release everything that you have stopped yourself; what an operator has stopped stays."""
    asked = questions.ReleaseOwn(user_id=user.user_id, reason=body.reason if body else "")
    gone = await desk.ask.ask(questions.RELEASE_OWN, asked)
    return Page[HaltAnswer](items=[HaltAnswer(**one.model_dump(exclude={"raised_by"})) for one in gone.items])


def _answer(view: questions.GuardsView, response: Response) -> GuardsAnswer:
    response.headers["etag"] = etag(view.version)
    return GuardsAnswer.model_validate(view.model_dump())
