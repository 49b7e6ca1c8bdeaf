"""The kill switch: who is stopped, in what, and how far."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from keys.domain.errors import HaltRefused, TradingHalted
from keys.domain.orders import OrderTerms
from shared.trading.status import Side, VenueEnvironment

_SYMBOL = re.compile(r"[A-Z0-9]{2,30}\Z")
REASON_MIN = 10
REASON_MAX = 500


class Extent(StrEnum):
    """How far a halt goes."""

    OPENING = "opening"
    """Nothing new is bought; what is held may be sold."""
    ALL = "all"
    """Nothing is traded at all."""


class HaltScope(StrEnum):
    """Whom a halt stops."""

    PLATFORM = "platform"
    USER = "user"
    SYMBOL = "symbol"


def opens(order: OrderTerms) -> bool:
    """Whether an order opens something: on spot every buy, never a sale."""
    return order.side is Side.BUY


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """One throw of the switch, from its beginning to its release.

    Attributes:
        user_id: Whose trading; None for everybody's.
        symbol: Which symbol; None for all.
        environment: Where; None for everywhere.
        reason: In writing, shown to those whom it stops.
        by_operator: Then only an operator releases it.
        raised_by: The person.
    """

    halt_id: UUID
    user_id: UUID | None = None
    symbol: str | None = None
    environment: VenueEnvironment | None = None
    extent: Extent
    reason: str
    by_operator: bool
    raised_by: UUID
    raised_at: datetime
    released_by: UUID | None = None
    released_at: datetime | None = None
    release_reason: str | None = None

    @property
    def scope(self) -> HaltScope:
        """Whom it stops; a user's halt of one symbol is the user's."""
        if self.user_id is not None:
            return HaltScope.USER
        return HaltScope.PLATFORM if self.symbol is None else HaltScope.SYMBOL

    def checked(self) -> Halt:
        """This halt, if it can be thrown.

        Raises:
            HaltRefused: Its symbol is none, or an operator gave no reason that others can read.
        """
        if self.symbol is not None and not _SYMBOL.match(self.symbol):
            raise HaltRefused("A symbol is written like BTCUSDT.", context={"pointer": "#/symbol"})
        _readable(self.reason, at_least=REASON_MIN if self.by_operator else 0)
        return self

    def stops(self, order: OrderTerms) -> bool:
        """Whether an order of its user and environment is stopped by it."""
        if self.symbol not in {None, order.symbol}:
            return False
        return self.extent is Extent.ALL or opens(order)

    def same_as(self, other: Halt) -> bool:
        """Whether two standing halts are one: throwing twice changes nothing."""
        return _what(self) == _what(other)

    def released(self, at: datetime, *, by: UUID, reason: str, as_operator: bool) -> Halt:
        """After its release.

        Raises:
            HaltRefused: A user cannot release what an operator threw; an operator gives a reason.
        """
        if self.by_operator and not as_operator:
            raise HaltRefused(
                "An operator has stopped this; only an operator can release it.", code="halt_of_an_operator"
            )
        _readable(reason, at_least=REASON_MIN if as_operator else 0)
        return replace(self, released_by=by, released_at=at, release_reason=reason)


def check_halts(halts: Iterable[Halt], orders: Iterable[OrderTerms]) -> None:
    """Refuse orders that a halt stops, all of a call or none.

    Raises:
        TradingHalted: `context` names scope, extent and reason; and the symbol where only that is halted.
    """
    standing = tuple(halts)
    for order in orders:
        for halt in standing:
            if halt.stops(order):
                raise _halted(halt, order)


def _halted(halt: Halt, order: OrderTerms) -> TradingHalted:
    what = "Trading" if halt.extent is Extent.ALL else "Buying"
    where = f" {order.symbol}" if halt.symbol else ""
    context = {"scope": halt.scope.value, "extent": halt.extent.value, "reason": halt.reason}
    if halt.symbol:
        context["symbol"] = halt.symbol
    return TradingHalted(f"{what}{where} is halted; the order was not signed.", context=context)


def _readable(reason: str, *, at_least: int) -> None:
    if not at_least <= len(reason.strip()) <= REASON_MAX or not all(one.isprintable() for one in reason):
        raise HaltRefused(
            f"Write the reason in {max(at_least, 1)} to {REASON_MAX} characters; those who are stopped read it.",
            context={"pointer": "#/reason"},
        )


def _what(halt: Halt) -> tuple[object, ...]:
    return halt.user_id, halt.symbol, halt.environment, halt.extent, halt.by_operator
