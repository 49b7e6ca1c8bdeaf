"""What an operator decided about an order that waited for a person: written once, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from shared.trading.status import AttemptState


@dataclass(frozen=True, slots=True, kw_only=True)
class HandSettlement:
    """The record of one decision.

    Attributes:
        evidence: What the operator saw, in their own words.
        state_before: Of the attempt.
        filled_quantity: Base units that were booked by then, and stay booked.
    """

    user_id: UUID
    account_id: UUID
    client_order_id: str
    operator_id: UUID
    evidence: str
    state_before: AttemptState
    filled_quantity: Decimal
    at: datetime
