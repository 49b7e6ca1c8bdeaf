"""What a plan allows to be signed, counted down as it is signed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from keys.domain.errors import ApprovalExpired, CeilingExceeded, CeilingMissing, LinkIdRefused, PriceBeyondPlan
from keys.domain.orders import OrderTerms
from shared.trading.money import ZERO, exact_sum, plain
from shared.trading.policy import RETRIES_MAX
from shared.trading.status import Side

Market = tuple[str, Side]
"""Symbol and side."""
RunTails = tuple[int, int]
"""Tails of position and plan, as a link id carries them."""
_NONE: Mapping[str, SignedOrder] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOrder:
    """An order that was signed before: base-asset units, and quote units at its limit price."""

    symbol: str
    side: Side
    quantity: Decimal
    notional: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCeiling:
    """The most that may be signed for one symbol and side under one plan.

    Attributes:
        max_quantity: Base-asset units.
        max_notional: Quote units; binds buys, where money leaves; for sells it is an estimate.
        limit_price: Quote per base: no buy above it, no sell below it; None when the plan names none.
        reference_price: Quote per base: the price that the plan showed; None when it names none.
        priced_at: When that price was the market's.
        retries: Whether a new attempt may take the place of the one before it (ADR 24).
        signed_quantity: Base-asset units signed so far.
        signed_notional: Quote units signed so far.
    """

    symbol: str
    side: Side
    max_quantity: Decimal
    max_notional: Decimal
    limit_price: Decimal | None = None
    reference_price: Decimal | None = None
    priced_at: datetime | None = None
    retries: bool = False
    signed_quantity: Decimal = ZERO
    signed_notional: Decimal = ZERO

    def take(self, order: OrderTerms) -> PlanCeiling:
        """After one more order.

        Raises:
            PriceBeyondPlan: Its price is worse than the plan's limit.
            CeilingExceeded: It does not fit any more; `context` tells what is left.
        """
        self._check_price(order)
        quantity = exact_sum((self.signed_quantity, order.quantity))
        notional = exact_sum((self.signed_notional, order.notional))
        too_much_money = order.side is Side.BUY and notional > self.max_notional
        if quantity > self.max_quantity or too_much_money:
            raise CeilingExceeded(
                f"The order for {order.symbol} exceeds what the plan allows; it was not signed.",
                context={
                    "symbol": order.symbol,
                    "side": order.side.value,
                    "quantity_left": plain(self.max_quantity - self.signed_quantity),
                    "notional_left": plain(self.max_notional - self.signed_notional),
                },
            )
        return replace(self, signed_quantity=quantity, signed_notional=notional)

    def replaced_by(self, order: OrderTerms, earlier: SignedOrder | None) -> bool:
        """Whether an order only takes the place of the attempt before it, and so adds nothing to what was signed.

        Raises:
            PriceBeyondPlan: It does, at a price that is worse than the plan's limit.
        """
        if not self.retries or earlier is None or order.link.attempt > RETRIES_MAX:
            return False
        if (earlier.symbol, earlier.side) != (order.symbol, order.side) or order.quantity > earlier.quantity:
            return False
        if order.side is Side.BUY and order.notional > earlier.notional:
            return False
        self._check_price(order)
        return True

    def _check_price(self, order: OrderTerms) -> None:
        limit = self.limit_price
        if limit is None:
            return
        if order.price > limit if order.side is Side.BUY else order.price < limit:
            raise PriceBeyondPlan(
                f"The price of the order for {order.symbol} is worse than the plan allows; it was not signed.",
                context={"symbol": order.symbol, "side": order.side.value, "limit_price": plain(limit)},
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAllowance:
    """Everything that one run may still trade.

    Attributes:
        expires_at: Nothing is signed at or after this moment, re-sends included.
        ceilings: One per symbol and side.
        approved_amount: Quote units that all buys together may move; None for a run that buys nothing.
    """

    expires_at: datetime
    ceilings: Mapping[Market, PlanCeiling]
    approved_amount: Decimal | None = None

    def check_total(self, touched: Mapping[Market, PlanCeiling]) -> None:
        """Refuse what takes the buys of the whole run beyond the approved amount.

        Raises:
            CeilingExceeded: They would.
        """
        after = {**self.ceilings, **touched}
        bought = exact_sum([one.signed_notional for one in after.values() if one.side is Side.BUY])
        if self.approved_amount is not None and bought > self.approved_amount:
            raise CeilingExceeded(
                "The orders together exceed the amount that was approved; none was signed.",
                context={"approved_amount": plain(self.approved_amount)},
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CountDown:
    """What signing some orders costs.

    Attributes:
        ceilings: The touched ceilings after it, by run.
        fresh: Orders that were not signed before.
        replacing: Link ids of those that take the place of an attempt which is counted already.
    """

    ceilings: Mapping[RunTails, Mapping[Market, PlanCeiling]] = field(default_factory=dict)
    fresh: tuple[OrderTerms, ...] = ()
    replacing: frozenset[str] = frozenset()


def count_down(
    orders: Iterable[OrderTerms],
    *,
    key_id: UUID,
    allowances: Mapping[RunTails, RunAllowance],
    signed: Mapping[str, bytes],
    now: datetime,
    earlier: Mapping[str, SignedOrder] = _NONE,
) -> CountDown:
    """Decide whether orders may be signed, all or none.

    The same order under the same link id is signed again without counting: it can be placed only once.

    Args:
        orders: All of one call.
        key_id: The key that shall sign; part of each fingerprint.
        allowances: By run; a run without one is not approved.
        signed: Fingerprint of each link id that was signed before.
        now: The moment of signing, UTC.
        earlier: Orders that were signed before, by link id: attempts that others take the place of.

    Raises:
        LinkIdRefused: A link id was signed before with another order.
        CeilingMissing: No plan covers an order.
        ApprovalExpired: The plan's time is over.
        PriceBeyondPlan: An order's price is worse than the plan's limit.
        CeilingExceeded: An order does not fit, or all buys of its run together do not.
    """
    touched: dict[RunTails, dict[Market, PlanCeiling]] = {}
    fresh: list[OrderTerms] = []
    replacing: list[str] = []
    for order in orders:
        ceiling = _covering(order, allowances, touched, now)
        if _signed_before(order, key_id, signed):
            continue
        again = ceiling.replaced_by(order, earlier.get(order.before_text or ""))
        touched.setdefault(order.run, {})[(order.symbol, order.side)] = ceiling if again else ceiling.take(order)
        fresh.append(order)
        replacing += [order.link_text] if again else []
    for run, ceilings in touched.items():
        allowances[run].check_total(ceilings)
    return CountDown(ceilings=touched, fresh=tuple(fresh), replacing=frozenset(replacing))


def _covering(
    order: OrderTerms,
    allowances: Mapping[RunTails, RunAllowance],
    touched: Mapping[RunTails, Mapping[Market, PlanCeiling]],
    now: datetime,
) -> PlanCeiling:
    allowance = allowances.get(order.run)
    if allowance is None:
        raise CeilingMissing("No approved plan covers this order; it was not signed.")
    if now >= allowance.expires_at:
        raise ApprovalExpired("The plan has expired; the order was not signed. Make a new plan.")
    market = (order.symbol, order.side)
    ceiling = touched.get(order.run, {}).get(market) or allowance.ceilings.get(market)
    if ceiling is None:
        raise CeilingMissing(
            f"The plan has no {order.side.value} of {order.symbol}; the order was not signed.",
            context={"symbol": order.symbol, "side": order.side.value},
        )
    return ceiling


def _signed_before(order: OrderTerms, key_id: UUID, signed: Mapping[str, bytes]) -> bool:
    known = signed.get(order.link_text)
    if known is not None and known != order.fingerprint(key_id):
        raise LinkIdRefused("This client order id was signed with another order before.", code="link_id_reused")
    return known is not None
