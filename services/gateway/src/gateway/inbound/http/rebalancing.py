"""Who brings a position back to its targets, and when."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, Field

from gateway.domain.rebalance_state import RebalanceState, Rebalancing
from gateway.domain.rebalancing import (
    COOLDOWN_MAX,
    COOLDOWN_MIN,
    Calendar,
    RebalanceMode,
    RebalanceSettings,
    Trigger,
)
from gateway.inbound.caller import User, by_user
from gateway.inbound.desk import AtDesk
from gateway.inbound.http.models import Answer, Ask
from gateway.inbound.problems import declared
from shared.contracts.fields import DecimalText, Moment
from shared.trading.bands import WeightBand
from shared.trading.money import plain

rebalancing = APIRouter(tags=["positions"])
HOUR = timedelta(hours=1)
DEFAULTS = RebalanceSettings()


def _within(low: str, high: str) -> AfterValidator:
    def check(value: Decimal) -> Decimal:
        if not Decimal(low) <= value <= Decimal(high):
            raise ValueError(f"This must be from {low} to {high}, not {plain(value)}.")
        return value

    return AfterValidator(check)


class RebalancingAsk(Ask):
    """What the owner chooses; whatever is left out is the default, not what it was before."""

    mode: RebalanceMode
    absolute_band: Annotated[DecimalText, _within("0.005", "0.5")] = Field(
        default=DEFAULTS.band.absolute, description="Drift, a fraction of the position: 0.05 is five points."
    )
    relative_band: Annotated[DecimalText, _within("0.05", "10")] = Field(
        default=DEFAULTS.band.relative,
        description="Drift as a share of the coin's own target; one of both bands suffices, 10 leaves it to the other.",
    )
    calendar: Calendar = Field(
        default=Calendar.NONE,
        description="At the beginning (UTC) of which periods, six hours later, everything goes to its target: then the "
        "period's index versions are there.",
    )
    cooldown_hours: int = Field(
        default=DEFAULTS.cooldown // HOUR,
        ge=COOLDOWN_MIN // HOUR,
        le=COOLDOWN_MAX // HOUR,
        description="So long after a rebalance nothing is due.",
    )
    buy_only: bool = Field(
        default=False, description="Sell nothing: the position's own cash buys the most underweight."
    )

    def settings(self) -> RebalanceSettings:
        """As the decision knows them."""
        return RebalanceSettings(
            mode=self.mode,
            band=WeightBand(absolute=self.absolute_band, relative=self.relative_band),
            calendar=self.calendar,
            cooldown=self.cooldown_hours * HOUR,
            buy_only=self.buy_only,
        )


class RebalancingAnswer(Answer):
    """What was chosen, and how it stands."""

    mode: RebalanceMode
    absolute_band: DecimalText
    relative_band: DecimalText
    calendar: Calendar
    cooldown_hours: int
    buy_only: bool
    state: RebalanceState
    trigger: Trigger | None = Field(description="Why it is time, or was.")
    reason: str | None = Field(
        description="What stands in the way, details behind a colon, several with commas between."
    )
    plan_id: UUID | None = Field(description="The plan that is suggested, or was ordered.")
    since: Moment | None = Field(description="When this state began.")
    last_at: Moment | None = Field(description="When the last rebalance was ordered.")


def rebalancing_answer(found: Rebalancing | None) -> RebalancingAnswer:
    """As it is shown; nothing chosen means that it is left to the owner."""
    chosen = found.settings if found else DEFAULTS
    return RebalancingAnswer(
        mode=chosen.mode,
        absolute_band=chosen.band.absolute,
        relative_band=chosen.band.relative,
        calendar=chosen.calendar,
        cooldown_hours=chosen.cooldown // HOUR,
        buy_only=chosen.buy_only,
        state=found.state if found else RebalanceState.IDLE,
        trigger=found.trigger if found else None,
        reason=found.reason if found else None,
        plan_id=found.plan_id if found else None,
        since=found.noted_at if found else None,
        last_at=found.last_at if found else None,
    )


@rebalancing.put(
    "/api/positions/{position_id}/rebalancing",
    operation_id="positions_rebalancing",
    responses=declared(400, 401, 403, 404, 409),
    dependencies=[Depends(by_user("trade"))],
)
async def choose_rebalancing(position_id: UUID, body: RebalancingAsk, user: User, desk: AtDesk) -> RebalancingAnswer:
    """Leave rebalancing to the owner, let it be suggested with its plan, or let the plan be executed when it is time.

    Automatic ones keep to the same limits and switches as orders by hand, and what stops one is told.
    """
    await desk.fresh.about(position_id)
    chosen = await desk.rebalancings.choose(user.user_id, position_id, body.settings(), desk.clock.now())
    return rebalancing_answer(chosen)
