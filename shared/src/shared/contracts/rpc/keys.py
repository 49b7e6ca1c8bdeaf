"""Questions to keys. No answer holds a secret: the service signs, it does not reveal."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal
from uuid import UUID

from shared.contracts.account import HaltView, KeyView
from shared.contracts.fields import Contract, DecimalText, Moment, SecretText
from shared.contracts.rpc.verb import Empty, RpcVerb
from shared.trading.status import VenueEnvironment


class Lane(StrEnum):
    """Priority of a private call when the venue's limits are scarce, highest first."""

    CANCEL_QUERY = "cancel_query"
    UNWIND = "unwind"
    BUY = "buy"
    POLL = "poll"


class AddKey(Contract):
    """Store an HMAC key after checking it against the venue."""

    user_id: UUID
    label: str
    environment: VenueEnvironment
    api_key: SecretText
    api_secret: SecretText
    accepts_expiry: bool = False
    """The user confirmed that a key without bound addresses dies after 90 days; live trading asks for it."""


class MakePair(Contract):
    """Make an RSA key pair; the user registers its public half at the venue, and no secret is ever pasted."""

    user_id: UUID
    label: str
    environment: VenueEnvironment


class KeyPairView(Contract):
    """A pair that waits for the key id that the venue gives to its public half."""

    pair_id: UUID
    label: str
    environment: VenueEnvironment
    public_key: str
    """PEM, SubjectPublicKeyInfo: what the user registers."""
    created_at: Moment
    expires_at: Moment
    """Then the pair is destroyed."""


class KeyPairList(Contract):
    """Pairs that wait, newest first."""

    items: list[KeyPairView]


class CompletePair(Contract):
    """The venue's key id for a registered pair: checked at the venue, then the pair becomes a stored key."""

    user_id: UUID
    pair_id: UUID
    api_key: SecretText
    accepts_expiry: bool = False
    """As for a pasted key."""


class OpenPaperAccount(Contract):
    """Open an account with play money on the paper exchange and store its key."""

    user_id: UUID
    label: str
    balances: dict[str, DecimalText]


class OwnKeys(Contract):
    """All keys of a user."""

    user_id: UUID


class KeyRef(Contract):
    """One key of a user."""

    user_id: UUID
    key_id: UUID


class KeyList(Contract):
    """Keys, newest first."""

    items: list[KeyView]


class SignRequest(Contract):
    """The exact bytes of one private call to a named endpoint."""

    user_id: UUID
    key_id: UUID
    method: Literal["GET", "POST"]
    path: str
    payload: str
    """The raw query string (GET, without `?`) or the raw body (POST), exactly as it will be sent."""
    recv_window_ms: int
    lane: Lane
    not_after: Moment | None = None
    """No signature is given after this moment (`signature_too_late`): an asker that was held up must not trade late."""


class Signature(Contract):
    """The headers of a signed call, or when to ask again: exactly one of the two is set."""

    headers: dict[str, str] | None = None
    """`X-BAPI-API-KEY`, `X-BAPI-TIMESTAMP`, `X-BAPI-RECV-WINDOW`, `X-BAPI-SIGN`."""
    timestamp_ms: int | None = None
    """The signed time: with the receive window it bounds when the venue may still accept the call."""
    retry_after_ms: int | None = None
    retry_reason: Literal["venue_rate", "egress_rate", "ceilings_pending"] | None = None


class StreamLogin(Contract):
    """Arguments of the private stream's `auth` operation; valid for a second."""

    api_key: str
    expires_ms: int
    signature: SecretText


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


ADD = RpcVerb("keys", "add", AddKey, KeyView, callers=("gateway",), acts=True, timeout_s=10.0)
OPEN_PAPER_ACCOUNT = RpcVerb(
    "keys", "open_paper_account", OpenPaperAccount, KeyView, callers=("gateway",), acts=True, timeout_s=10.0
)
MAKE_PAIR = RpcVerb("keys", "make_pair", MakePair, KeyPairView, callers=("gateway",), acts=True, timeout_s=15.0)
COMPLETE_PAIR = RpcVerb("keys", "complete_pair", CompletePair, KeyView, callers=("gateway",), acts=True, timeout_s=10.0)
LIST_PAIRS = RpcVerb("keys", "list_pairs", OwnKeys, KeyPairList, callers=("gateway",))
LIST = RpcVerb("keys", "list", OwnKeys, KeyList, callers=("gateway",))
CHECK = RpcVerb("keys", "check", KeyRef, KeyView, callers=("gateway",), acts=True, timeout_s=10.0)
DELETE = RpcVerb("keys", "delete", KeyRef, Empty, callers=("gateway",), acts=True)
DESCRIBE = RpcVerb("keys", "describe", KeyRef, KeyView, callers=("gateway", "execution"))
SIGN = RpcVerb("keys", "sign", SignRequest, Signature, callers=("execution",), timeout_s=3.0)
SIGN_READ = RpcVerb("keys", "sign_read", SignRequest, Signature, callers=("reconciler",), timeout_s=3.0)
SIGN_STREAM = RpcVerb("keys", "sign_stream", KeyRef, StreamLogin, callers=("execution",), timeout_s=3.0)
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
    ADD,
    OPEN_PAPER_ACCOUNT,
    MAKE_PAIR,
    COMPLETE_PAIR,
    LIST_PAIRS,
    LIST,
    CHECK,
    DELETE,
    DESCRIBE,
    SIGN,
    SIGN_READ,
    SIGN_STREAM,
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
