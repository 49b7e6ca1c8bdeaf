"""Coins that positions hold in our books and the account does not hold any more: shared by the positions, pro rata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from enum import StrEnum
from uuid import UUID

from execution.domain.release import ReleaseReason
from shared.trading.money import EXACT, QUOTE_ASSET, ZERO, exact_sum, truncate

SHARE_PLACES = 8
"""Decimals to which a share is cut, or as many as the shortage itself has."""
ROUNDING = Decimal("1e-7")
"""What the venue may have cut off the fills of one position's coin: that little is no shortage."""
AT_REST_FOR = timedelta(seconds=10)
"""Balances are believed this long after the last trade: the venue's lag behind its matches."""


class ShortageState(StrEnum):
    """Where a shortage stands."""

    OPEN = "open"
    """The user has not said what happened."""
    WAITING = "waiting"
    """The user says that the coins come back."""
    RESOLVED = "resolved"
    """The coins are back, or the books were reduced by what the user said."""


class ShortageAnswer(StrEnum):
    """What the user says happened."""

    SOLD = "sold"
    WITHDRAWN = "withdrawn"
    WILL_RETURN = "will_return"


LEAVE_BY: Mapping[ShortageAnswer, ReleaseReason | None] = {
    ShortageAnswer.SOLD: ReleaseReason.SOLD,
    ShortageAnswer.WITHDRAWN: ReleaseReason.WITHDRAWN,
    ShortageAnswer.WILL_RETURN: None,
}
"""Why missing coins leave their positions by each answer; None: they stay."""
RETURNED = "returned"
"""How a shortage ended whose coins came back."""
COVERED = "covered"
"""How a shortage of money ended when nothing need have come back: positions traded or ended since, and claim less of it, or
what they sold is on the account as free money, which stands in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """One coin of one account; at most one that is not resolved.

    Attributes:
        quantity: Units missing; of a resolved one what was missing last.
        how: The user's answer, or `returned`, or `covered`.
    """

    shortage_id: UUID
    user_id: UUID
    account_id: UUID
    asset: str
    quantity: Decimal
    state: ShortageState = ShortageState.OPEN
    how: str | None = None
    found_at: datetime
    changed_at: datetime
    version: int = 1

    def moved(self, state: ShortageState, at: datetime, *, how: str | None = None) -> Shortage:
        """The shortage in another state."""
        return replace(self, state=state, how=how or self.how, changed_at=at, version=self.version + 1)

    def of(self, quantity: Decimal, at: datetime) -> Shortage:
        """The shortage when more, or less, is missing."""
        return replace(self, quantity=quantity, changed_at=at, version=self.version + 1)

    def over(self, at: datetime, *, traded_at: datetime) -> Shortage:
        """The shortage of which nothing is missing any more.

        What is traded moves a coin in the books and on the account alike, so more of it there has come back. Money is
        different: what a position sold or had of its own is free money once it is paid out.

        Args:
            at: The moment.
            traded_at: When a position of the account traded, or ended, last.
        """
        by_trading = self.asset == QUOTE_ASSET and traded_at >= self.changed_at
        return self.moved(ShortageState.RESOLVED, at, how=COVERED if by_trading else RETURNED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What of a shortage one position bears, in units of the coin."""

    shortage_id: UUID
    position_id: UUID
    user_id: UUID
    account_id: UUID
    asset: str
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRecord:
    """What the user said, kept for ever."""

    user_id: UUID
    account_id: UUID
    shortage_id: UUID
    asset: str
    quantity: Decimal
    how: ShortageAnswer
    at: datetime


def missing(held: Mapping[UUID, Decimal], balance: Decimal) -> Decimal:
    """Units that positions hold beyond the account's balance; the rounding of the venue is not missing."""
    ours = exact_sum(list(held.values()))
    short = min(max(ours - balance, ZERO), ours)
    return short if short > ROUNDING * len(held) else ZERO


def shared(quantity: Decimal, before: Mapping[UUID, Decimal], held: Mapping[UUID, Decimal]) -> dict[UUID, Decimal]:
    """The shares of a shortage of `quantity`, summing to it exactly, none above what its position holds.

    What is new is shared by what positions still have free; what came back relieves by what each bore. A position that
    bought later therefore takes no part in what was missing before.

    Args:
        quantity: Units missing now, at most all that is held.
        before: Shares until now.
        held: Units by position.
    """
    kept = {one: min(share, held.get(one, ZERO)) for one, share in before.items()}
    borne = exact_sum(list(kept.values()))
    if quantity <= borne:
        return _spread(quantity, kept)
    free = {one: amount - kept.get(one, ZERO) for one, amount in held.items()}
    more = _spread(quantity - borne, free)
    shares = {one: kept.get(one, ZERO) + more.get(one, ZERO) for one in {**kept, **more}}
    return {one: share for one, share in shares.items() if share > ZERO}


def _spread(quantity: Decimal, room: Mapping[UUID, Decimal]) -> dict[UUID, Decimal]:
    """Pro rata, cut, and the rest where most room is left."""
    total = exact_sum(list(room.values()))
    if quantity > total:
        raise ValueError(f"{quantity} cannot be shared by {total}")
    if quantity <= ZERO:
        return {}
    places = max(SHARE_PLACES, -int(quantity.as_tuple().exponent))
    with localcontext(EXACT):
        shares = {one: truncate(quantity * amount / total, places=places) for one, amount in room.items()}
        rest = quantity - exact_sum(list(shares.values()))
    for one in sorted(room, key=lambda key: (shares[key] - room[key], key.int)):
        taken = min(rest, room[one] - shares[one])
        shares[one] += taken
        rest -= taken
    return {one: share for one, share in shares.items() if share > ZERO}
