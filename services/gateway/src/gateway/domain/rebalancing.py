"""When a position is to be brought back to its targets, and how far: a pure decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from enum import StrEnum

from shared.trading.bands import WeightBand
from shared.trading.doubt import WeightSpan, weight_spans
from shared.trading.money import EXACT, ONE, ZERO, exact_product

BACK_AT = Decimal("0.8")
"""A suggestion stands until every drift is below this share of its band."""
LEFTOVER = Decimal("0.005")
"""A coin without a target is sold from this share of the position on; less is dust."""
COOLDOWN_MIN = timedelta(hours=1)
COOLDOWN_MAX = timedelta(days=365)
LOOK_AGAIN = timedelta(days=1)
"""How often a plan is asked for coins that were left out, while none of them can be bought."""
VERSION_COMES = timedelta(hours=6)
"""After a period has begun its index versions are made: until then neither date nor version is acted on, or both
would be, one after the other, with fees for each."""


class RebalanceMode(StrEnum):
    """Who brings a position back to its targets."""

    MANUAL = "manual"
    """Its owner, whenever they want to."""
    SUGGESTED = "suggested"
    """Its owner, told when it is time, with the plan."""
    AUTOMATIC = "automatic"
    """We do, by a stored plan."""


class Calendar(StrEnum):
    """At the beginning (UTC) of which periods, once their index versions can be there, everything goes to its target.

    Weeks begin on Monday.
    """

    NONE = "none"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"

    def begins(self, now: datetime) -> datetime | None:
        """When the current period began."""
        today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        match self:
            case Calendar.NONE:
                return None
            case Calendar.WEEKLY:
                return today - timedelta(days=today.weekday())
            case Calendar.MONTHLY:
                return today.replace(day=1)
            case Calendar.QUARTERLY:
                return today.replace(month=today.month - (today.month - 1) % 3, day=1)


class Trigger(StrEnum):
    """Why it is time."""

    INDEX_CHANGED = "index_changed"
    CALENDAR = "calendar"
    DRIFT = "drift"
    NEW_CASH = "new_cash"


class Reach(StrEnum):
    """How far a rebalance goes: the words of plans."""

    FULL = "full"
    DRIFTED = "drifted"
    BUY_ONLY = "buy_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class RebalanceSettings:
    """What the owner of a position chose.

    Attributes:
        band: One of both limits suffices; a relative one of 10 or more binds nothing but what left or is missing.
        cooldown: So long after a rebalance nothing is due.
        buy_only: Nothing is sold; the position's own cash goes to the most underweight.
    """

    mode: RebalanceMode = RebalanceMode.MANUAL
    band: WeightBand = field(default_factory=WeightBand)
    calendar: Calendar = Calendar.NONE
    cooldown: timedelta = timedelta(days=1)
    buy_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinWeight:
    """One coin of a position; fractions of its coins.

    Attributes:
        priced: Whether its price is fresh; without one nothing is said about its drift, and about others only what
            holds at any price it may have.
    """

    symbol: str
    weight: Decimal
    target: Decimal
    priced: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a decision looks at; money in quote units.

    Attributes:
        value: Of the coins.
        cash: The position's own.
        cash_share: Of the position that its index keeps in cash, a fraction.
        index_version: The one that was traded, or looked at without finding anything to trade.
        newest_version: Of the index now.
        last_at: When the last rebalance was ordered; None while there was none.
        dated_from: Periods of the calendar that began up to this moment are done.
        left_out: Constituents that are no target of the position: they could not be bought when it was traded.
        left_out_at: When a plan last found that none of them can be bought; None while none was asked.
    """

    coins: Sequence[CoinWeight]
    value: Decimal
    cash: Decimal = ZERO
    cash_share: Decimal = ZERO
    index_version: int
    newest_version: int
    last_at: datetime | None = None
    dated_from: datetime
    left_out: tuple[str, ...] = ()
    left_out_at: datetime | None = None

    @property
    def idle(self) -> Decimal:
        """Cash beyond what the index keeps, as a share of the whole position."""
        with localcontext(EXACT):
            whole = self.value + self.cash
            return max(self.cash / whole - self.cash_share, ZERO) if whole > ZERO else ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """It is time.

    Attributes:
        band: What counts as drifted in the plan.
        outside: The coins that made it due, by symbol.
        dated: Whether a date of the calendar is due, whatever else is.
        maybe: Whether only a plan can tell: coins that were left out may still be too thin, or too small.
    """

    trigger: Trigger
    reach: Reach
    band: WeightBand
    outside: tuple[str, ...] = ()
    dated: bool = False
    maybe: bool = False


TO_TARGET = WeightBand(absolute=LEFTOVER, relative=LEFTOVER)
"""On a date of the calendar: every coin that is off by more than half a point, or half a percent of its target."""


def decide(settings: RebalanceSettings, standing: Standing, now: datetime, *, stands: bool = False) -> Due | None:
    """Whether a position is to be rebalanced now; None when not.

    The index first, then the calendar, the bands, cash that lies about, and at last coins that were left out: only a
    plan knows whether their books are deep by now. On a date everything goes to its target, whatever else made it due;
    else only what is outside its band is traded.

    Args:
        settings: Of the position.
        standing: How it stands.
        now: UTC.
        stands: Whether it is suggested already, and ends only well inside the bands.
    """
    if settings.mode is RebalanceMode.MANUAL:
        return None
    if standing.last_at is not None and now < standing.last_at + settings.cooldown:
        return None
    outside = _outside(settings.band, standing, BACK_AT if stands else Decimal(1))
    dated, settled = _dates(settings.calendar, standing, now)
    trigger = _trigger(settings, standing, dated=dated, settled=settled, drifted=bool(outside))
    maybe = trigger is None and _may_buy_left_out(standing, now)
    if maybe:
        trigger, outside = Trigger.DRIFT, standing.left_out
    if trigger is None or (settings.buy_only and standing.idle < LEFTOVER):
        return None
    reach = Reach.FULL if dated else Reach.DRIFTED
    return Due(
        trigger=trigger,
        reach=Reach.BUY_ONLY if settings.buy_only else reach,
        band=TO_TARGET if dated else settings.band,
        outside=outside,
        dated=dated,
        maybe=maybe,
    )


def _may_buy_left_out(standing: Standing, now: datetime) -> bool:
    asked = standing.left_out_at
    return bool(standing.left_out) and (asked is None or now >= asked + LOOK_AGAIN)


def _dates(calendar: Calendar, standing: Standing, now: datetime) -> tuple[bool, bool]:
    """Whether a date is due, and whether the current period's index versions can be there."""
    begun = calendar.begins(now - VERSION_COMES)
    done = max(standing.dated_from, standing.last_at or standing.dated_from)
    return begun is not None and begun > done, begun == calendar.begins(now)


def _trigger(
    settings: RebalanceSettings, standing: Standing, *, dated: bool, settled: bool, drifted: bool
) -> Trigger | None:
    if standing.newest_version > standing.index_version and settled:
        return Trigger.INDEX_CHANGED
    if dated:
        return Trigger.CALENDAR
    if drifted:
        return Trigger.DRIFT
    return Trigger.NEW_CASH if standing.idle >= settings.band.absolute else None


def _outside(band: WeightBand, standing: Standing, share: Decimal) -> tuple[str, ...]:
    """What is outside whatever a coin without a fresh price is worth: what is traded then is not traded back later."""
    spans = weight_spans([(coin.weight, coin.priced) for coin in standing.coins], ONE)
    judged = zip(standing.coins, spans, strict=False)
    return tuple(coin.symbol for coin, span in judged if coin.priced and _is_outside(band, coin, span, share))


def _is_outside(band: WeightBand, coin: CoinWeight, span: WeightSpan, share: Decimal) -> bool:
    if coin.target <= ZERO:
        return span.at_least(LEFTOVER)
    return coin.weight <= ZERO or span.outside(coin.target, exact_product(share, band.threshold(coin.target)))
