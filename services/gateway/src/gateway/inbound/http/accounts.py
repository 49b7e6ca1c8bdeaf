"""A venue account beside our positions: what the user and the venue did there themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from gateway.inbound.caller import User
from gateway.inbound.desk import AtDesk, Desk
from gateway.inbound.http.models import Answer, Limit, Page, named_cursor_of, named_position_in
from gateway.inbound.problems import declared
from shared.contracts.execution import FlowView
from shared.contracts.fields import DecimalText, Moment
from shared.contracts.rpc import execution, keys
from shared.trading.flow import FlowKind

accounts = APIRouter(tags=["accounts"])


class FlowAnswer(Answer):
    """Coins that moved without an order of ours; they came to, or off, the user's own coins, not a position's."""

    flow_id: str
    kind: FlowKind
    venue_type: str
    asset: str
    amount: DecimalText
    symbol: str | None
    price: DecimalText | None
    counter_asset: str | None
    counter_amount: DecimalText
    fee: DecimalText
    fee_asset: str | None
    at: Moment
    booked_at: Moment


@accounts.get("/api/accounts/{account_id}/flows", operation_id="account_flows_list", responses=declared(401, 404))
async def list_flows(
    account_id: UUID,
    user: User,
    desk: AtDesk,
    limit: Annotated[Limit, Query()] = 50,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> Page[FlowAnswer]:
    """Manual trades, deposits, withdrawals, transfers, interest, conversions and airdrops, newest first.

    Seen from the account's first order on, at the latest five minutes after they happened.
    """
    at, flow_id = named_position_in(cursor) or (None, None)
    found = await _flows(desk, user.user_id, account_id, limit=limit + 1, before=(at, flow_id))
    if not found:
        await desk.ask.ask(keys.DESCRIBE, keys.KeyRef(user_id=user.user_id, key_id=account_id))
    shown, more = found[:limit], len(found) > limit
    return Page[FlowAnswer](
        items=[FlowAnswer.model_validate(flow) for flow in shown],
        next_cursor=named_cursor_of(shown[-1].at, shown[-1].flow_id) if more else None,
    )


async def _flows(
    desk: Desk, user_id: UUID, account_id: UUID, *, limit: int, before: tuple[datetime | None, str | None]
) -> list[FlowView]:
    question = execution.ListFlows(
        user_id=user_id, account_id=account_id, limit=limit, before_at=before[0], before_id=before[1]
    )
    return (await desk.ask.ask(execution.LIST_FLOWS, question)).items
