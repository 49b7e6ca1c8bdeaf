"""Questions to execution about an account beside its plans: flows, missing coins, and orders settled by hand."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.execution import FlowView, ShortageView
from shared.contracts.fields import Contract, DecimalText, Moment
from shared.contracts.rpc.verb import RpcVerb


class ListFlows(Contract):
    """Flows of an account, newest first, before a cursor."""

    user_id: UUID
    account_id: UUID
    limit: int = Field(default=50, ge=1, le=500)
    before_at: Moment | None = None
    before_id: str | None = None


class FlowList(Contract):
    """Flows, newest first."""

    items: list[FlowView]


class ListShortages(Contract):
    """Coins that are missing on an account."""

    user_id: UUID
    account_id: UUID


class ShortageList(Contract):
    """Shortages that are not resolved, by coin."""

    items: list[ShortageView]


class ResolveShortage(Contract):
    """The user says what happened to missing coins."""

    user_id: UUID
    account_id: UUID
    asset: str = Field(min_length=1, max_length=20)
    how: Literal["sold", "withdrawn", "will_return"]
    shortage_id: UUID | None = None
    """The shortage that they looked at; without it the one that is open now."""


class SettleOrder(Contract):
    """An operator ends an order that needs attention; what they saw is kept for ever and shown to the user."""

    user_id: UUID
    client_order_id: str = Field(min_length=1, max_length=36)
    operator_id: UUID
    evidence: str = Field(min_length=20, max_length=2000)


class SettledOrder(Contract):
    """The order after it was settled by hand."""

    client_order_id: str
    user_id: UUID
    account_id: UUID
    position_id: UUID
    symbol: str
    state: str
    filled_quantity: DecimalText
    """Base-asset units that had filled, and stay booked."""
    settled_at: Moment


SETTLE_ORDER = RpcVerb(
    "execution", "settle_order", SettleOrder, SettledOrder, callers=("gateway",), acts=True, timeout_s=25.0
)
LIST_FLOWS = RpcVerb("execution", "list_flows", ListFlows, FlowList, callers=("gateway",))
LIST_SHORTAGES = RpcVerb("execution", "list_shortages", ListShortages, ShortageList, callers=("gateway",))
RESOLVE_SHORTAGE = RpcVerb(
    "execution", "resolve_shortage", ResolveShortage, ShortageView, callers=("gateway",), acts=True
)
VERBS = (SETTLE_ORDER, LIST_FLOWS, LIST_SHORTAGES, RESOLVE_SHORTAGE)
