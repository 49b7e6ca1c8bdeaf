"""Settings of execution, from the environment with the prefix `EXECUTION_`."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from shared.runtime.settings import LinkSettings, ServiceSettings, VenueSettings, service_config


class Settings(ServiceSettings, VenueSettings, LinkSettings):
    """What execution is told.

    Attributes:
        times_scale: The protocol's waits for evidence are divided by this, never the receive window; tests use 30.
        venue_pause_s: How long this process leaves a venue alone that has banned it; divided by `times_scale` too.
        batch_size: Orders per request at most.
        price_band: Largest distance of a limit price from the best price, a fraction.
        minimum_factor: A buy leg must be worth this times the venue's minimum.
        skipped_weight_max: Largest share of an index that a plan may skip.
        absolute_band: Drift, a fraction of a position, from which a coin is outside its band.
        relative_band: The same as a share of the coin's own target; one of both suffices.
        smallest_leg_share: A rebalance trades no leg below this share of the position.
        liquid_share: Share of a buy that the order book must hold within its limit, or the plan leaves it out.
        fee_rate: Estimate of the taker fee in plans; fills carry the real one.
        plan_valid_s: How long a plan may be executed.
        lease_s: How long a desk is kept without renewal; after a crash nobody trades for its accounts so long.
        desks_max: Accounts that one process trades for at once.
    """

    model_config = service_config("EXECUTION_")

    times_scale: int = Field(default=1, ge=1, le=1000)
    venue_pause_s: float = Field(default=600.0, gt=0)
    batch_size: int = Field(default=10, ge=1, le=10)
    price_band: Decimal = Field(default=Decimal("0.01"), gt=0, lt=1)
    minimum_factor: Decimal = Field(default=Decimal("1.3"), ge=1)
    skipped_weight_max: Decimal = Field(default=Decimal("0.10"), ge=0, lt=1)
    absolute_band: Decimal = Field(default=Decimal("0.05"), gt=0, lt=1)
    relative_band: Decimal = Field(default=Decimal("0.25"), gt=0)
    smallest_leg_share: Decimal = Field(default=Decimal("0.001"), ge=0, lt=1)
    liquid_share: Decimal = Field(default=Decimal("0.5"), ge=0, le=1)
    fee_rate: Decimal = Field(default=Decimal("0.001"), ge=0, lt=1)
    plan_valid_s: int = Field(default=60, ge=1)
    lease_s: float = Field(default=5.0, ge=1)
    desks_max: int = Field(default=500, ge=1)
