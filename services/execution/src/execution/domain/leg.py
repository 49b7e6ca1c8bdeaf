"""One instrument's part of a basket order: its status follows its attempt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext
from uuid import UUID

from execution.domain.attempt import Attempt
from shared.trading.money import EXACT, ZERO
from shared.trading.status import SETTLED_LEGS, AttemptState, LegStatus, Side

_STATUS = {
    AttemptState.INTENT: LegStatus.SUBMITTED,
    AttemptState.ACKED: LegStatus.OPEN,
    AttemptState.PARTIAL: LegStatus.PARTIALLY_FILLED,
    AttemptState.FILLED: LegStatus.FILLED,
    AttemptState.CANCELLED: LegStatus.CANCELLED,
    AttemptState.REJECTED: LegStatus.REJECTED,
    AttemptState.UNKNOWN: LegStatus.UNKNOWN,
    AttemptState.NEEDS_ATTENTION: LegStatus.NEEDS_ATTENTION,
}


SETTLED_BY_HAND = "settled_by_hand"
"""Why a leg ended: on a person's word."""
TRIED_AGAIN = "tried_again"
"""Why a leg is not simply settled: what stays unfilled waits for its next attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A leg as its run knows it; quantities in base units, prices in quote per base.

    Attributes:
        arrival_price: Mid of the book when the plan was made; None when the plan had none.
        fee, fee_asset: What its fills paid in one coin; of several that in the quote coin, complete.
        attempt: Number of its newest attempt.
        retry_at: From when on what stays unfilled may be tried again; None while nothing waits for that.
    """

    leg_id: UUID
    user_id: UUID
    account_id: UUID
    position_id: UUID
    run_id: UUID
    number: int
    symbol: str
    base_asset: str
    quote_asset: str
    side: Side
    status: LegStatus
    reason: str | None = None
    target_weight: Decimal
    quantity: Decimal
    limit_price: Decimal
    filled_quantity: Decimal = ZERO
    notional: Decimal = ZERO
    fee: Decimal = ZERO
    fee_asset: str | None = None
    residual: Decimal = ZERO
    client_order_id: str | None = None
    venue_order_id: str | None = None
    lot_size: Decimal
    min_quantity: Decimal
    min_notional: Decimal
    arrival_price: Decimal | None = None
    attempt: int = 0
    retry_at: datetime | None = None
    version: int = 1

    @property
    def settled(self) -> bool:
        """Whether the position may settle as far as this leg goes."""
        return self.status in SETTLED_LEGS

    @property
    def to_send(self) -> bool:
        """Whether an order for it, the first or another one, is still to be sent."""
        return self.status is LegStatus.PLANNED or self.retry_at is not None

    @property
    def remainder(self) -> Decimal:
        """Base units that have not filled."""
        return max(self.quantity - self.filled_quantity, ZERO)

    @property
    def average_price(self) -> Decimal | None:
        """Quote per base over the fills; None before the first."""
        with localcontext(EXACT):
            return self.notional / self.filled_quantity if self.filled_quantity else None

    def follows(self, attempt: Attempt) -> Leg:
        """The leg after an attempt moved; an earlier one than its newest, or one that is over, decides nothing more."""
        if attempt.number < self.attempt or (self.retry_at is not None and attempt.number == self.attempt):
            return self
        status = _STATUS[attempt.state]
        return self._changed(
            status=status,
            reason=_reason(attempt, status),
            client_order_id=attempt.link_id,
            venue_order_id=attempt.venue_order_id,
            attempt=attempt.number,
            retry_at=None,
        )

    def tried_again(self, at: datetime) -> Leg:
        """A leg whose attempt is over on evidence, and whose remainder goes out under a new id, not before `at`."""
        status = LegStatus.PARTIALLY_FILLED if self.filled_quantity else LegStatus.PLANNED
        return self._changed(status=status, reason=TRIED_AGAIN, retry_at=at)

    def filled(self, *, quantity: Decimal, notional: Decimal, fee: Decimal, fee_asset: str) -> Leg:
        """The leg after one more fill."""
        if self.retry_at is not None and self.filled_quantity + quantity >= self.quantity:
            # A late match of the attempt before: nothing is left to be tried again.
            over = replace(self, status=LegStatus.FILLED, reason=None, retry_at=None)
            return over.filled(quantity=quantity, notional=notional, fee=fee, fee_asset=fee_asset)
        paid, coin = self._fee_with(fee, fee_asset)
        return self._changed(
            filled_quantity=self.filled_quantity + quantity,
            notional=self.notional + notional,
            fee=paid,
            fee_asset=coin,
        )

    def _fee_with(self, fee: Decimal, coin: str) -> tuple[Decimal, str]:
        """Fees of different coins are not added up: that in the quote coin stands, which is part of the run's money.

        Then that in the base coin, which the holding lacks; of two others the last.
        """
        if self.fee_asset in {None, coin}:
            return self.fee + fee, coin
        rank = {self.quote_asset: 2, self.base_asset: 1}
        if not fee or rank.get(self.fee_asset, 0) > rank.get(coin, 0):
            return self.fee, self.fee_asset
        return fee, coin

    def ended(self, status: LegStatus, *, reason: str) -> Leg:
        """A leg that ends without being sent, or without being sent again."""
        return self._changed(status=status, reason=reason, retry_at=None)

    def left_over(self, residual: Decimal) -> Leg:
        """The leg with what the venue would not sell."""
        return self._changed(residual=residual)

    def _changed(self, **changes: object) -> Leg:
        changed = replace(self, **changes)  # type: ignore[arg-type]
        return changed if changed == self else replace(changed, version=self.version + 1)


def _reason(attempt: Attempt, status: LegStatus) -> str | None:
    if status is LegStatus.FILLED:
        return None
    if status is LegStatus.CANCELLED and attempt.filled_quantity and attempt.reason != SETTLED_BY_HAND:
        return "partly_filled"
    return attempt.reason
