"""A publisher of orders and a consumer that notes each of them once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from sqlalchemy import insert

from kit.rooms import Room
from shared.contracts.envelope import Envelope
from shared.contracts.orders import PlaceBasketOrder
from shared.contracts.topology import EXECUTION_ORDERS
from shared.runtime.events import EventRouter
from shared.runtime.inbox import first_delivery
from shared.runtime.process import Process
from shared.trading.status import VenueEnvironment


def an_order(position: UUID, user: UUID) -> PlaceBasketOrder:
    return PlaceBasketOrder(
        position_id=position,
        user_id=user,
        account_id=uuid4(),
        environment=VenueEnvironment.PAPER,
        plan_id=uuid4(),
        index_id="top10",
        approved_amount=Decimal("1E+2"),
        ceilings=[],
        expires_at=datetime.now(UTC) + timedelta(minutes=5),
    )


async def place(gateway: Room, *, position: UUID | None = None, version: int = 1) -> UUID:
    """Commit an order's event as the gateway does; the answer is the event's id."""
    user, position = uuid4(), position or uuid4()
    async with gateway.database.transaction(user) as session:
        return await gateway.events.add(
            session,
            an_order(position, user),
            user_id=user,
            entity_id=position,
            aggregate_id=position,
            aggregate_version=version,
        )


class Desk:
    """Execution's consumer of orders: notes each order once, as a real one would."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.router = EventRouter(EXECUTION_ORDERS)
        self.seen: list[UUID] = []
        self.done: list[UUID] = []
        self.fail: list[Exception] = []
        self.router.on(PlaceBasketOrder)(self.take)

    async def take(self, event: Envelope[PlaceBasketOrder]) -> None:
        self.seen.append(event.id)
        if self.fail:
            raise self.fail.pop(0)
        async with self.room.database.transaction(event.data.user_id) as session:
            if await first_delivery(session, self.room.inbox, EXECUTION_ORDERS.name, event.id):
                await session.execute(insert(self.room.notes).values(id=event.id, user_id=event.data.user_id))
        self.done.append(event.id)

    def process(self) -> Process:
        return Process("execution", self.room.settings, database=self.room.database, events=[self.router])


def publisher(gateway: Room) -> Process:
    return Process("gateway", gateway.settings, outbox=gateway.outbox)
