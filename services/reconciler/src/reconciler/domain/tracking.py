"""What the reconciler remembers of a position beside its book."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from reconciler.domain.books import PositionBook
from shared.trading.money import ZERO
from shared.trading.status import VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """The books' totals when the last flow was recorded, and what all flows came to; quote units.

    Attributes:
        flows: How many there were.
        money: Paid for purchases minus received from sales, and the position's own cash.
        capital: Cost of the coins minus what sales realised, and the position's own cash.
        paid_in: Σ of the flows into the position.
        taken_out: Σ of the flows out of it.
        withdrawn: What the book had paid out by then: more of it since is money that somebody took.
    """

    flows: int = 0
    money: Decimal = ZERO
    capital: Decimal = ZERO
    paid_in: Decimal = ZERO
    taken_out: Decimal = ZERO
    withdrawn: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        """What is in the position from outside."""
        return self.paid_in - self.taken_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """A position as it was last told.

    Attributes:
        version: Of the last event about it; the next one has one more.
        told: Value with own cash, and P&L, of the last event, quote units; None before the first.
        deviating: It left its band and is not back yet.
        priced_at: When the youngest prices that it was valued on were asked for.
        point_slot: Start of the last five minutes that a P&L point was kept for.
        last_prices: By symbol, what its coins were valued at for that point, quote per base.
        run_kind: Of the newest run that execution told of; None before the first.
        border: Where the last flow left it.
        before: The book that this transaction replaced; None when it replaced none.
    """

    book: PositionBook
    version: int = 0
    told: tuple[Decimal, Decimal] | None = None
    deviating: bool = False
    priced_at: datetime | None = None
    reconciled_at: datetime | None = None
    point_slot: datetime | None = None
    last_prices: Mapping[str, Decimal] = field(default_factory=dict)
    run_kind: str | None = None
    border: Border = field(default_factory=Border)
    before: PositionBook | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountProgress:
    """How far an account's histories have been compared; None before the first time.

    Attributes:
        agreed_at: When each coin was last there in full.
    """

    read_until_ms: int | None = None
    compared_at: datetime | None = None
    agreed_at: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivePosition:
    """A position to be re-valued: ids only."""

    position_id: UUID
    user_id: UUID
    environment: VenueEnvironment
