"""What the reconciler tells the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from reconciler.domain.books import Account, PositionBook
from reconciler.domain.deviation import Band
from reconciler.domain.findings import Finding, Handover
from reconciler.domain.valuation import CoinValue, Source, Valuation
from shared.trading.money import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class PnlTold:
    """A position's value."""

    book: PositionBook
    valuation: Valuation
    source: Source
    reconciled_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationTold:
    """A position left its band."""

    book: PositionBook
    coins: tuple[CoinValue, ...]
    band: Band
    at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnTold:
    """A position came back into its band."""

    book: PositionBook
    at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A persisted disagreement; one per account, class and subject, opened again when it comes back."""

    break_id: UUID
    account: Account
    finding: Finding
    status: Literal["open", "resolved", "expected"]
    version: int
    opened_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakTold:
    """A disagreement was found, has changed, or is over."""

    entry: Break


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverTold:
    """Execution shall query and book something."""

    account: Account
    handover: Handover
    event_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TickTold:
    """A slot has begun."""

    slot: datetime
    event_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTold:
    """One account is to be compared."""

    account: Account
    reason: Literal["tick", "execution", "start"]
    slot: datetime
    event_id: UUID


Announcement = PnlTold | DeviationTold | ReturnTold | BreakTold | HandoverTold | TickTold | JobTold


@dataclass(frozen=True, slots=True, kw_only=True)
class PnlPoint:
    """A kept point of a position's history; one per five minutes, fewer with age. Quote units.

    Attributes:
        value: Of the coins and of the position's own cash.
        net_in: What all flows so far brought in minus what they took out: `value` - `net_in` is the P&L.
        held: Value of the coins that were bought and never rebalanced; None when it was not known.
        btc_price: Quote per bitcoin; None without a price.
    """

    position_id: UUID
    slot: datetime
    at: datetime
    value: Decimal
    cost: Decimal
    realised: Decimal
    unrealised: Decimal
    max_abs_drift: Decimal
    net_in: Decimal = ZERO
    held: Decimal | None = None
    btc_price: Decimal | None = None
