"""A venue account beside our positions: what the user and the venue did there themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from gateway.inbound.caller import User, by_user
from gateway.inbound.desk import AtDesk, Desk
from gateway.inbound.http.models import Answer, Ask, Limit, Page, named_cursor_of, named_position_in
from gateway.inbound.problems import declared
from shared.contracts.execution import FlowView
from shared.contracts.fields import DecimalText, Moment
from shared.contracts.rpc import execution, keys
from shared.trading.flow import FlowKind

accounts = APIRouter(tags=["accounts"])
Counted = Depends(by_user("trade"))
AssetName = Annotated[str, Path(pattern=r"^[A-Z0-9]{1,20}$", description="The coin, such as `BTC`.")]


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


class ShortageShareAnswer(Answer):
    """What of a shortage one position bears, in units of the coin."""

    position_id: UUID
    quantity: DecimalText


class ShortageAnswer(Answer):
    """Coins that positions hold and the account does not; these positions pause until the user says what happened."""

    shortage_id: UUID
    account_id: UUID
    asset: str
    quantity: DecimalText
    state: Literal["open", "waiting", "resolved"]
    how: str | None
    shares: list[ShortageShareAnswer]
    found_at: Moment
    changed_at: Moment


class ResolveAsk(Ask):
    """What happened to the missing coins."""

    how: Literal["sold", "withdrawn", "will_return"] = Field(
        description="`sold` and `withdrawn` take them off the positions at average cost; `will_return` waits for them."
    )
    shortage_id: UUID | None = Field(
        default=None, description="The shortage that was looked at; a later one is then never answered by mistake."
    )


@accounts.get(
    "/api/accounts/{account_id}/shortages", operation_id="account_shortages_list", responses=declared(401, 404)
)
async def list_shortages(account_id: UUID, user: User, desk: AtDesk) -> Page[ShortageAnswer]:
    """Coins that are missing on the account, with the share that each position bears."""
    question = execution.ListShortages(user_id=user.user_id, account_id=account_id)
    found = (await desk.ask.ask(execution.LIST_SHORTAGES, question)).items
    if not found:
        await desk.ask.ask(keys.DESCRIBE, keys.KeyRef(user_id=user.user_id, key_id=account_id))
    return Page[ShortageAnswer](items=[ShortageAnswer.model_validate(one) for one in found])


@accounts.post(
    "/api/accounts/{account_id}/shortages/{asset}/resolve",
    operation_id="account_shortages_resolve",
    responses=declared(401, 403, 404, 409, 504),
    dependencies=[Counted],
)
async def resolve_shortage(
    account_id: UUID, asset: AssetName, body: ResolveAsk, user: User, desk: AtDesk
) -> ShortageAnswer:
    """Say what happened to missing coins. The same answer again changes nothing and is answered alike."""
    question = execution.ResolveShortage(
        user_id=user.user_id, account_id=account_id, asset=asset, how=body.how, shortage_id=body.shortage_id
    )
    return ShortageAnswer.model_validate(await desk.ask.ask(execution.RESOLVE_SHORTAGE, question))
