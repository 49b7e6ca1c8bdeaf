"""What stands between an approved order and its signature: halts, and how much may be opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_CEILING, Decimal, localcontext
from typing import NoReturn
from uuid import UUID

from keys.domain.allowance import CountDown, PlanCeiling
from keys.domain.errors import LimitReached, PriceTooOld, SlippageBeyondLimit
from keys.domain.halts import Halt, check_halts, opens
from keys.domain.limits import DAY_SLOTS, HOUR_SLOTS, SLOT_S, Limits, OwnLimits, PlatformLimits
from keys.domain.orders import OrderTerms
from shared.trading.money import EXACT, ZERO, exact_sum, plain
from shared.trading.status import VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredGuards:
    """What the signer reads in the very transaction that signs: nothing of it is remembered from before.

    Attributes:
        halts: Standing ones that concern the key's user and environment.
        own: The user's own limits; None when they set none.
        platform: What the operator wrote; None as long as the defaults hold.
    """

    halts: tuple[Halt, ...] = ()
    own: OwnLimits | None = None
    platform: PlatformLimits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """Up to where one sum may grow: per user, per venue account, over all.

    Attributes:
        scope: `user:<id>`, `account:<hash>` or `platform`.
    """

    scope: str
    hour_max: Decimal
    day_max: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What a call opens, to be counted under every cap at once, or not at all.

    Attributes:
        slot: The slot that runs, since the epoch.
        amount: Notional of its fresh opening orders, quote units.
    """

    environment: VenueEnvironment
    slot: int
    amount: Decimal
    caps: tuple[Cap, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one sum holds already, quote units."""

    scope: str
    hour: Decimal = ZERO
    day: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """The guards of one account, as they stand at this moment."""

    environment: VenueEnvironment
    user_id: UUID
    account_hash: bytes = field(repr=False)
    halts: tuple[Halt, ...]
    limits: Limits
    platform: PlatformLimits

    @classmethod
    def of(
        cls,
        stored: StoredGuards,
        *,
        environment: VenueEnvironment,
        user_id: UUID,
        account_hash: bytes,
        default: PlatformLimits,
    ) -> Guards:
        """The guards that bind: the operator's or the default limits, tightened by the user's own."""
        platform = stored.platform or default
        own = stored.own or OwnLimits()
        return cls(
            environment=environment,
            user_id=user_id,
            account_hash=account_hash,
            halts=stored.halts,
            limits=own.within(platform),
            platform=platform,
        )

    def check_halts(self, orders: Sequence[OrderTerms]) -> None:
        """Refuse what is halted, signed before or not: an order that was lost must not come back.

        Raises:
            TradingHalted: A halt stops one of them.
        """
        check_halts(self.halts, orders)

    def reserve(self, counted: CountDown, *, now: datetime) -> Reservation | None:
        """Check each fresh opening order, and say what they open together; None when they open nothing.

        An order that was signed before is counted no more: its client order id can be placed only once. Nor is one
        that takes the place of an attempt which was counted and is over (ADR 24); everything else binds it too.

        Raises:
            LimitReached: An order, or all of this call, is larger than a limit.
            SlippageBeyondLimit: A limit price is too far from the price that the plan showed.
            PriceTooOld: The plan's price is older than allowed.
        """
        fresh = [order for order in counted.fresh if opens(order)]
        if not fresh:
            return None
        for order in fresh:
            self._check(order, counted.ceilings[order.run][(order.symbol, order.side)], now)
        added = [order for order in fresh if order.link_text not in counted.replacing]
        if not added:
            return None
        reservation = Reservation(
            environment=self.environment,
            slot=slot_of(now),
            amount=exact_sum([order.notional for order in added]),
            caps=self.caps(),
        )
        for cap in reservation.caps:
            self.check_room(reservation.amount, cap, Spent(scope=cap.scope))
        return reservation

    def caps(self) -> tuple[Cap, ...]:
        """Every sum that opening orders count in; the one that all share is last, and so held shortest."""
        mine = {"hour_max": self.limits.hour_max, "day_max": self.limits.day_max}
        return (
            Cap(scope=account_scope(self.account_hash), **mine),
            Cap(scope=user_scope(self.user_id), **mine),
            Cap(scope=PLATFORM, hour_max=self.platform.total_hour_max, day_max=self.platform.total_day_max),
        )

    def _check(self, order: OrderTerms, ceiling: PlanCeiling, now: datetime) -> None:
        if order.notional > self.limits.order_max:
            raise _reached("order", order.notional, self.limits.order_max, ZERO, symbol=order.symbol)
        if ceiling.reference_price:  # a plan of a price of zero shows no price
            beyond = slippage_bps(order.price, reference=ceiling.reference_price)
            if beyond > self.limits.slippage_bps_max:
                raise SlippageBeyondLimit(
                    f"The limit price for {order.symbol} is {plain(beyond)} bps beyond the plan's price; not signed.",
                    context={"symbol": order.symbol, "maximum_bps": plain(self.limits.slippage_bps_max)},
                )
        if ceiling.priced_at is not None:
            age_s = (now - ceiling.priced_at).total_seconds()
            if age_s > self.limits.price_age_s_max:
                raise PriceTooOld(
                    f"The plan's price of {order.symbol} is too old; the order was not signed. Make a new plan.",
                    context={"symbol": order.symbol, "maximum_s": plain(self.limits.price_age_s_max)},
                )

    def refuse(self, reservation: Reservation, spent: Spent) -> NoReturn:
        """Say under which cap the reservation does not fit.

        Raises:
            LimitReached: Always.
        """
        for cap in reservation.caps:
            if cap.scope == spent.scope:
                self.check_room(reservation.amount, cap, spent)
        # Somebody else's order fell out of the window in between: asked again, it may fit.
        raise LimitReached("A limit was reached at this moment; nothing was signed.", context={"limit": "day"})

    @staticmethod
    def check_room(amount: Decimal, cap: Cap, spent: Spent) -> None:
        """Refuse what takes a sum beyond its cap.

        Raises:
            LimitReached: `context` names the limit, what it allows and what is left of it.
        """
        for name, most, already in (("hour", cap.hour_max, spent.hour), ("day", cap.day_max, spent.day)):
            if amount + already > most:
                raise _reached(f"total_{name}" if cap.scope == PLATFORM else name, amount, most, already)


PLATFORM = "platform"


def user_scope(user_id: UUID) -> str:
    """The scope of a user's sum."""
    return f"user:{user_id}"


def account_scope(account_hash: bytes) -> str:
    """The scope of a venue account's sum."""
    return f"account:{account_hash.hex()}"


def slot_of(moment: datetime) -> int:
    """The slot that a moment is in."""
    return int(moment.timestamp()) // SLOT_S


def first_slots(slot: int) -> tuple[int, int]:
    """The oldest slots that an hour and a day reach back to."""
    return slot - HOUR_SLOTS, slot - DAY_SLOTS


def slippage_bps(limit_price: Decimal, *, reference: Decimal) -> Decimal:
    """How far a buy's limit is above a price, in basis points rounded up to hundredths; negative when below it."""
    with localcontext(EXACT):
        return ((limit_price / reference - 1) * 10_000).quantize(Decimal("0.01"), rounding=ROUND_CEILING)


def _reached(
    limit: str, amount: Decimal, most: Decimal, already: Decimal, *, symbol: str | None = None
) -> LimitReached:
    left = max(most - already, ZERO)
    words = {"order": "one order of a coin", "hour": "an hour", "day": "a day"}
    whose = words.get(limit, "all users together")
    context = {"limit": limit, "maximum": plain(most), "left": plain(left), "asked": plain(amount)}
    if symbol is not None:
        context["symbol"] = symbol
    return LimitReached(
        f"The limit for {whose} is {plain(most)}, of which {plain(left)} is left; nothing was signed.", context=context
    )
