"""Commands and tasks from the bus."""

from __future__ import annotations

from execution.application.accept_basket_order import AcceptBasketOrder
from execution.application.accept_close import AcceptClose
from execution.application.accept_run import AcceptRun
from execution.application.accepting import Command
from execution.application.book_venue_record import BookVenueRecord, VenueRecord
from execution.application.ports import Account
from execution.domain.position import RunKind
from shared.contracts.envelope import Envelope
from shared.contracts.orders import ClosePosition, ExecutePlan, PlaceBasketOrder
from shared.contracts.tasks import BookVenueRecord as BookVenueRecordTask
from shared.contracts.topology import EXECUTION_ORDERS, EXECUTION_TASKS
from shared.runtime.events import EventRouter
from shared.trading.money import ZERO


def create_orders(*, accept: AcceptBasketOrder, run: AcceptRun, close: AcceptClose) -> EventRouter:
    """The durable consumer of commands: record and acknowledge, the desk trades."""
    router = EventRouter(EXECUTION_ORDERS)

    @router.on(PlaceBasketOrder)
    async def place(event: Envelope[PlaceBasketOrder]) -> None:
        data = event.data
        await accept.execute(
            Command(
                message_id=event.id,
                position_id=data.position_id,
                account=Account(user_id=data.user_id, account_id=data.account_id, environment=data.environment),
                plan_id=data.plan_id,
                index_id=data.index_id,
                approved=data.approved_amount,
                expires_at=data.expires_at,
                correlation_id=event.correlation_id,
                consumer=EXECUTION_ORDERS.name,
            )
        )

    @router.on(ExecutePlan)
    async def execute(event: Envelope[ExecutePlan]) -> None:
        data = event.data
        await run.execute(
            Command(
                message_id=event.id,
                position_id=data.position_id,
                account=Account(user_id=data.user_id, account_id=data.account_id, environment=data.environment),
                plan_id=data.plan_id,
                kind=RunKind(data.kind),
                approved=data.approved_amount or ZERO,
                expires_at=data.expires_at,
                correlation_id=event.correlation_id,
                consumer=EXECUTION_ORDERS.name,
            )
        )

    @router.on(ClosePosition)
    async def sell(event: Envelope[ClosePosition]) -> None:
        data = event.data
        await close.execute(
            Command(
                message_id=event.id,
                position_id=data.position_id,
                account=Account(user_id=data.user_id, account_id=data.account_id, environment=data.environment),
                plan_id=data.plan_id,
                expires_at=data.expires_at,
                correlation_id=event.correlation_id,
                consumer=EXECUTION_ORDERS.name,
            )
        )

    return router


def create_tasks(*, book: BookVenueRecord) -> EventRouter:
    """The durable consumer of what the reconciler found."""
    router = EventRouter(EXECUTION_TASKS)

    @router.on(BookVenueRecordTask)
    async def record(event: Envelope[BookVenueRecordTask]) -> None:
        data = event.data
        await book.execute(
            VenueRecord(
                account=Account(user_id=data.user_id, account_id=data.account_id, environment=data.environment),
                client_order_ids=data.client_order_ids,
                exec_ids=data.exec_ids,
                flow_ids=data.flow_ids,
                since=data.since,
                assets=data.assets,
            )
        )

    return router
