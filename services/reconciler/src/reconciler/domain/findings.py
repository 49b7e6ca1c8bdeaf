"""A finding: one disagreement between books and venue, and what is to be done about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal
from uuid import UUID

from shared.trading.status import BreakClass


class Scope(StrEnum):
    """Parts of a comparison: a break is resolved only by a comparison that looked at its part again."""

    KEY = "key"
    WINDOW = "window"
    EXECUTIONS = "executions"
    ORDERS = "orders"
    BALANCES = "balances"
    LISTING = "listing"
    """Whether the venue trades what positions hold: no disagreement about coins."""
    NOTES = "notes"
    """Things that happened once (a manual trade, a transfer): noted, never resolved by absence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One disagreement.

    Attributes:
        subject: What it is about, unique within account and class: an exec id, a client order id, a coin.
        expected: Known and harmless (fee, rounding, dust, a deposit): told, but nobody has to act.
    """

    break_class: BreakClass
    scope: Scope
    subject: str
    detail: str
    position_id: UUID | None = None
    asset: str | None = None
    ours: Decimal | None = None
    theirs: Decimal | None = None
    expected: bool = False

    @property
    def difference(self) -> Decimal | None:
        """What they have beyond what we have."""
        return None if self.ours is None or self.theirs is None else self.theirs - self.ours

    @property
    def status(self) -> Literal["open", "expected"]:
        """How the break starts."""
        return "expected" if self.expected else "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Something that moved coins beside our orders, by the id under which it is booked."""

    flow_id: str
    break_class: BreakClass
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What execution shall query and book.

    Attributes:
        assets: Coins of which the balance is not what execution last found.
    """

    break_class: BreakClass
    client_order_ids: tuple[str, ...] = ()
    exec_ids: tuple[str, ...] = ()
    flows: tuple[Flow, ...] = ()
    assets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The outcome of comparing one account.

    Attributes:
        looked_at: Parts that were really compared: breaks of these parts that were not found again are resolved.
        handovers: At most one per class.
        passed_over: Coins whose balances were not compared: their breaks stay as they are.
        agreed: Coins that were compared and are there in full.
    """

    findings: tuple[Finding, ...]
    looked_at: frozenset[Scope]
    handovers: tuple[Handover, ...] = field(default=())
    passed_over: frozenset[str] = frozenset()
    agreed: frozenset[str] = frozenset()

    @property
    def proved(self) -> bool:
        """All balances were compared and no coin is in dispute."""
        compared = Scope.BALANCES in self.looked_at and not self.passed_over
        return compared and all(finding.expected or finding.scope is Scope.LISTING for finding in self.findings)
