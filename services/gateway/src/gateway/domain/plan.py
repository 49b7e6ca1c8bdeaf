"""A plan that was handed out: what may be bought or sold with it, by whom, until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from gateway.domain.errors import NothingToDo, NothingToSell, PlanChanged, PlanExpired, PlanNotForThis
from shared.trading.money import exact_product, exact_sum
from shared.trading.policy import LegPolicy
from shared.trading.status import Side, VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The most that may be signed for one symbol and side: base-asset units and quote units.

    Attributes:
        limit_price: Quote per base: no buy above it, no sell below it.
        reference_price: Quote per base: what the plan showed, at `priced_at`.
    """

    symbol: str
    side: Side
    max_quantity: Decimal
    max_notional: Decimal
    limit_price: Decimal | None = None
    reference_price: Decimal | None = None
    priced_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the gateway must know of a plan to accept an order for it without asking anybody.

    Attributes:
        kind: `buy` opens a position, `close` ends one, everything else is a run on one that stands.
        amount: Quote units approved at most (buy, invest), asked for (withdraw), or expected (close).
        position_id: The position that the plan is for; None where it opens one.
        executable: False when the plan says that there is nothing to do.
        position_version: The state of the position that the plan was made for; any other refuses it.
        policy: What becomes of legs that do not fill at once.
        obstacles: Of a close that cannot be executed: each symbol with why it is not sold.
    """

    plan_id: UUID
    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    kind: str
    index_id: str
    index_version: int
    position_id: UUID | None
    amount: Decimal
    ceilings: tuple[Ceiling, ...]
    created_at: datetime
    expires_at: datetime
    executable: bool = True
    position_version: int | None = None
    policy: LegPolicy = LegPolicy.HOLD
    obstacles: tuple[str, ...] = ()

    @property
    def buys_at_most(self) -> Decimal | None:
        """Quote units that all its buys together may cost; None when it only sells."""
        buys = [one.max_notional for one in self.ceilings if one.side is Side.BUY]
        return exact_sum(buys) if buys else None

    def must_buy(self, now: datetime) -> None:
        """Check that a position may be opened with this plan now.

        Raises:
            PlanNotForThis: it is a closing plan.
            PlanExpired: its prices are too old.
            NothingToDo: none of its legs can be sent.
        """
        if self.kind != "buy":
            raise PlanNotForThis("This plan opens no position; a purchase needs a plan of the kind buy.")
        self._must_stand(now)
        if not self.executable:
            raise NothingToDo("Nothing of this plan can be traded now: its legs and warnings say why.")

    def must_close(self, position_id: UUID, now: datetime) -> None:
        """Check that this position may be closed with this plan now.

        Raises:
            PlanNotForThis: it buys, or sells another position.
            PlanExpired: its prices are too old.
            NothingToSell: the position holds coins, and none of them can be sold.
        """
        if self.kind != "close" or self.position_id != position_id:
            raise PlanNotForThis("This plan does not sell this position.")
        self._must_stand(now)
        self._must_sell()

    def must_run(self, position_id: UUID, version: int, now: datetime) -> None:
        """Check that this plan may be executed on this position, as it stands, now.

        Raises:
            PlanNotForThis: it opens a position, or is for another one.
            NothingToDo, NothingToSell: it says that there is nothing to do, or that nothing can be sold.
            PlanChanged: the position has changed since.
            PlanExpired: its prices are too old.
        """
        if self.kind == "buy" or self.position_id != position_id:
            raise PlanNotForThis("This plan is not for this position; nothing was ordered.")
        if self.kind == "close":
            self._must_sell()
        if not self.executable:
            raise NothingToDo("The plan says that there is nothing to do; nothing was ordered.")
        if self.position_version is not None and self.position_version < version:
            raise PlanChanged("The position has changed since the plan was made; nothing was ordered. Make a new plan.")
        self._must_stand(now)

    def _must_sell(self) -> None:
        """A close without legs, or of dust alone, is executable: it ends the position and pays its cash out."""
        if self.executable:
            return
        why = f" ({', '.join(self.obstacles)})" if self.obstacles else ""
        raise NothingToSell(
            f"None of the position's coins can be sold now{why}; nothing was ordered. The position stays as it is: its "
            "coins and its own cash are still in it. Make a new closing plan later: it says what can be sold then.",
            context={"obstacles": list(self.obstacles)},
        )

    def _must_stand(self, now: datetime) -> None:
        if now >= self.expires_at:
            raise PlanExpired(
                "The plan's prices are too old to trade on; nothing was ordered. Ask for a new plan.",
                context={"expired_at": self.expires_at.isoformat()},
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLeg:
    """A leg that a plan sends, at the best price of its moment (quote per base)."""

    symbol: str
    side: Side
    price: Decimal


def obstacle(symbol: str, why: str) -> str:
    """Why a symbol is not sold, as people read it."""
    return f"{symbol}: {why.replace('_', ' ')}"


def moved(before: Sequence[PricedLeg], now: Sequence[PricedLeg], *, tolerance: Decimal) -> list[str]:
    """Symbols whose best price is further from the plan's than the tolerance, or that cannot be traded any more.

    Args:
        before: The legs of the plan that shall be executed.
        now: The legs of the same plan, made anew.
        tolerance: A fraction of the plan's price.
    """
    prices = {leg.symbol: leg.price for leg in now}
    return [leg.symbol for leg in before if _apart(leg.price, prices.get(leg.symbol), tolerance)]


def _apart(before: Decimal, now: Decimal | None, tolerance: Decimal) -> bool:
    return now is None or abs(now - before) > exact_product(before, tolerance)
