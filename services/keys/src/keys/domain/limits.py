"""How much may be traded: the platform's limits, and a user's own, which can only be stricter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal

from keys.domain.errors import LimitsRefused
from shared.trading.money import ZERO, plain
from shared.trading.status import VenueEnvironment

SLOT_S = 300
"""Spent money is remembered in slots of five minutes."""
HOUR_SLOTS = 12
DAY_SLOTS = 288
"""Whole slots before the one that runs: a window is never shorter than its name, at most a slot longer."""
SLIPPAGE_BPS_MAX = Decimal(10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one user may open in one environment; all sums count opening orders at their limit price.

    Attributes:
        order_max: Notional of one order, quote units.
        hour_max: Notional in a rolling hour, quote units; per user, and per venue account whoever holds it.
        day_max: The same for a rolling day.
        slippage_bps_max: How far an order's limit may be beyond the price that its plan showed, in basis points.
        price_age_s_max: How old the plan's price may be when the order is signed, in seconds.
    """

    order_max: Decimal
    hour_max: Decimal
    day_max: Decimal
    slippage_bps_max: Decimal
    price_age_s_max: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLimits:
    """A user's own limits; None where the platform's are enough."""

    order_max: Decimal | None = None
    hour_max: Decimal | None = None
    day_max: Decimal | None = None
    slippage_bps_max: Decimal | None = None
    price_age_s_max: Decimal | None = None

    def check(self, platform: Limits) -> None:
        """Refuse limits that are looser than the platform's, or no limits at all.

        Raises:
            LimitsRefused: `context["pointer"]` names the first, `context["maximum"]` what is possible.
        """
        for name, own in _told(self):
            most: Decimal = getattr(platform, name)
            if not ZERO < own <= most:
                raise LimitsRefused(
                    f"{name} must be above 0 and at most {plain(most)}: your own limits can only be stricter.",
                    context={"pointer": f"#/{name}", "maximum": plain(most)},
                )

    def within(self, platform: Limits) -> Limits:
        """What binds: the stricter of both, one by one."""
        stricter = {name: min(own, getattr(platform, name)) for name, own in _told(self)}
        theirs = {one.name: getattr(platform, one.name) for one in fields(Limits)}
        return Limits(**{**theirs, **stricter})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformLimits(Limits):
    """What the operator allows each user of an environment, and all of them together.

    Attributes:
        total_hour_max: Notional of all users in a rolling hour, quote units.
        total_day_max: The same for a rolling day.
    """

    total_hour_max: Decimal
    total_day_max: Decimal

    def check(self) -> None:
        """Refuse limits that make no sense.

        Raises:
            LimitsRefused: One is not above zero, or slippage is beyond the price itself.
        """
        for name, value in _told(self):
            if value <= ZERO:
                raise LimitsRefused(f"{name} must be above 0.", context={"pointer": f"#/{name}"})
        if self.slippage_bps_max > SLIPPAGE_BPS_MAX:
            raise LimitsRefused(
                f"slippage_bps_max is at most {plain(SLIPPAGE_BPS_MAX)}.", context={"pointer": "#/slippage_bps_max"}
            )


_LIVE = PlatformLimits(
    order_max=Decimal(10_000),
    hour_max=Decimal(50_000),
    day_max=Decimal(200_000),
    slippage_bps_max=Decimal(300),
    price_age_s_max=Decimal(3600),
    total_hour_max=Decimal(1_000_000),
    total_day_max=Decimal(5_000_000),
)
_PLAY = PlatformLimits(
    order_max=Decimal(1_000_000),
    hour_max=Decimal(100_000_000),
    day_max=Decimal(1_000_000_000),
    slippage_bps_max=Decimal(300),
    price_age_s_max=Decimal(3600),
    total_hour_max=Decimal(10_000_000_000),
    total_day_max=Decimal(100_000_000_000),
)
DEFAULT_LIMITS: Mapping[VenueEnvironment, PlatformLimits] = {
    environment: _LIVE if environment is VenueEnvironment.MAINNET else _PLAY for environment in VenueEnvironment
}
"""Until an operator says otherwise; money that is not real is hardly limited."""


def _told(limits: Limits | OwnLimits) -> list[tuple[str, Decimal]]:
    """Those that say something, by name."""
    everything = ((one.name, getattr(limits, one.name)) for one in fields(limits))
    return [(name, value) for name, value in everything if value is not None]


def told(limits: Limits | OwnLimits) -> str:
    """Limits in one line, for the audit."""
    return " ".join(f"{name}={plain(value)}" for name, value in _told(limits)) or "none"
