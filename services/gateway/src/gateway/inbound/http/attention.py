"""Orders that need a person: which there are, and how an operator ends one. For operators only."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, Field, StringConstraints

from gateway.inbound.caller import Operator
from gateway.inbound.desk import AtDesk
from gateway.inbound.http.models import Answer, Ask, Limit, Page
from gateway.inbound.problems import declared
from shared.contracts.fields import DecimalText, Moment
from shared.contracts.rpc import execution
from shared.trading.status import Side

attention = APIRouter(tags=["system"])
log = structlog.get_logger(__name__)
OrderId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,36}$", description="Our client order id.")]


def _readable(text: str) -> str:
    if not all(letter.isprintable() or letter in "\n\t" for letter in text):
        raise ValueError("The evidence has characters that cannot be read.")
    return text


class WaitingOrderAnswer(Answer):
    """An order of which nobody knows what became of it; quantities in base units, the price in quote per base."""

    client_order_id: str
    user_id: UUID
    position_id: UUID
    symbol: str
    side: Side
    quantity: DecimalText
    limit_price: DecimalText
    filled_quantity: DecimalText
    reason: str | None


class SettleAsk(Ask):
    """Why the order can be ended."""

    user_id: UUID = Field(description="Whose order it is.")
    evidence: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=20, max_length=2000), AfterValidator(_readable)
    ] = Field(description="What you saw, and where; kept for ever with your id, and shown to the user.")


class SettledOrderAnswer(Answer):
    """The order as it ended."""

    client_order_id: str
    user_id: UUID
    account_id: UUID
    position_id: UUID
    symbol: str
    state: str
    filled_quantity: DecimalText
    settled_at: Moment


@attention.get("/api/system/attention", operation_id="attention_list", responses=declared(401, 403))
async def waiting_orders(
    _operator: Operator, desk: AtDesk, limit: Annotated[Limit, Query()] = 50
) -> Page[WaitingOrderAnswer]:
    """Orders of all users that need attention, as events have painted them; operators only."""
    found = await desk.attention.waiting(limit=limit)
    return Page[WaitingOrderAnswer](items=[WaitingOrderAnswer.model_validate(order) for order in found])


@attention.post(
    "/api/system/orders/{client_order_id}/settle",
    operation_id="orders_settle",
    responses=declared(401, 403, 404, 409, 504),
)
async def settle_order(
    client_order_id: OrderId, body: SettleAsk, operator: Operator, desk: AtDesk
) -> SettledOrderAnswer:
    """End an order that needs attention: it becomes CANCELLED and keeps what filled; its money is free again.

    The venue is asked once more before: what it shows is booked instead (409 `venue_knows_the_order`), and without its
    answer nothing changes (503). A match that comes later is booked all the same. Operators only.
    """
    question = execution.SettleOrder(
        user_id=body.user_id,
        client_order_id=client_order_id,
        operator_id=operator.user_id,
        evidence=body.evidence,
    )
    settled = await desk.ask.ask(execution.SETTLE_ORDER, question)
    log.warning("order_settled_by_hand", client_order_id=client_order_id, operator_id=str(operator.user_id))
    return SettledOrderAnswer.model_validate(settled)
