"""Questions to keys about guards: limits, the kill switch, and what they leave of an account's room."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from shared.contracts.account import HaltView
from shared.contracts.fields import Contract, DecimalText, Moment
from shared.contracts.rpc.keys import KeyRef
from shared.contracts.rpc.verb import Empty, RpcVerb
from shared.trading.status import VenueEnvironment


class OwnLimits(Contract):
    """A user's own limits; null where the platform's are enough. Amounts in quote units."""

    order_max: DecimalText | None = None
    hour_max: DecimalText | None = None
    day_max: DecimalText | None = None
    slippage_bps_max: DecimalText | None = None
    price_age_s_max: DecimalText | None = None


class Limits(Contract):
    """What one user may open in one environment; amounts in quote units, of opening orders at their limit price."""

    order_max: DecimalText
    hour_max: DecimalText
    """In a rolling hour; per user, and per venue account whoever holds it."""
    day_max: DecimalText
    slippage_bps_max: DecimalText
    """How far an order's limit price may be beyond the price that its plan showed."""
    price_age_s_max: DecimalText
    """How old the plan's price may be when the order is signed."""


class PlatformLimits(Limits):
    """What the operator allows each user, and all of them together."""

    total_hour_max: DecimalText
    total_day_max: DecimalText


class GuardsOf(Contract):
    """A user's guards in one environment."""

    user_id: UUID
    environment: VenueEnvironment


class GuardsView(Contract):
    """Limits, what is used of them, and what is halted. Amounts in quote units."""

    environment: VenueEnvironment
    version: int
    """Of the own limits: whoever sets them says which they have seen."""
    own: OwnLimits
    platform: Limits
    limits: Limits
    """What binds: the stricter of both, one by one."""
    spent_hour: DecimalText
    spent_day: DecimalText
    halts: list[HaltView]
    """Standing ones that stop this user, oldest first."""


class SetOwnLimits(Contract):
    """Set a user's own limits: stricter than the platform's, or none."""

    user_id: UUID
    environment: VenueEnvironment
    limits: OwnLimits
    version: int


class HaltTrading(Contract):
    """Throw the kill switch."""

    by: UUID
    as_operator: bool
    user_id: UUID | None = None
    """Whose trading; null for everybody's: operators only."""
    symbol: str | None = None
    environment: VenueEnvironment | None = None
    extent: Literal["opening", "all"] = "opening"
    reason: str = ""


class ReleaseOwn(Contract):
    """Release every halt that a user threw themselves."""

    user_id: UUID
    reason: str = ""


class ReleaseHalt(Contract):
    """An operator releases a halt."""

    halt_id: UUID
    operator_id: UUID
    reason: str


class HaltRecord(HaltView):
    """A halt as operators see it."""

    raised_by: UUID


class HaltList(Contract):
    """Halts, oldest first."""

    items: list[HaltRecord]


class PlatformLimitsView(Contract):
    """The limits of one environment; version 0 as long as those of the settings hold."""

    environment: VenueEnvironment
    version: int
    limits: PlatformLimits
    changed_by: UUID | None = None
    changed_at: Moment | None = None
    reason: str = ""


class PlatformLimitsList(Contract):
    """Of every environment."""

    items: list[PlatformLimitsView]


class SetPlatformLimits(Contract):
    """An operator sets the limits of an environment."""

    environment: VenueEnvironment
    limits: PlatformLimits
    version: int
    operator_id: UUID
    reason: str


class TradingRoom(Contract):
    """What the signer would let through for an account at this moment: asked when a plan is made. Quote units."""

    halts: list[HaltView]
    order_max: DecimalText
    slippage_bps_max: DecimalText
    room: DecimalText
    """What may still be opened, under the tightest of all sums."""
    room_limit: Literal["hour", "day", "total_hour", "total_day"]
    """Which sum that is."""
    room_max: DecimalText
    """What that sum allows in all."""


CHECK_LIMITS = RpcVerb("keys", "check_limits", KeyRef, TradingRoom, callers=("execution",), timeout_s=3.0)
GUARDS = RpcVerb("keys", "guards", GuardsOf, GuardsView, callers=("gateway",))
SET_OWN_LIMITS = RpcVerb("keys", "set_own_limits", SetOwnLimits, GuardsView, callers=("gateway",), acts=True)
HALT_TRADING = RpcVerb("keys", "halt_trading", HaltTrading, HaltRecord, callers=("gateway",), acts=True)
RELEASE_OWN = RpcVerb("keys", "release_own", ReleaseOwn, HaltList, callers=("gateway",), acts=True)
RELEASE_HALT = RpcVerb("keys", "release_halt", ReleaseHalt, HaltRecord, callers=("gateway",), acts=True)
LIST_HALTS = RpcVerb("keys", "list_halts", Empty, HaltList, callers=("gateway",))
PLATFORM_LIMITS = RpcVerb("keys", "platform_limits", Empty, PlatformLimitsList, callers=("gateway",))
SET_PLATFORM_LIMITS = RpcVerb(
    "keys", "set_platform_limits", SetPlatformLimits, PlatformLimitsView, callers=("gateway",), acts=True
)
VERBS = (
    CHECK_LIMITS,
    GUARDS,
    SET_OWN_LIMITS,
    HALT_TRADING,
    RELEASE_OWN,
    RELEASE_HALT,
    LIST_HALTS,
    PLATFORM_LIMITS,
    SET_PLATFORM_LIMITS,
)
