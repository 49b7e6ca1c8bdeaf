"""The router's decisions, without a bus."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.envelope import Envelope
from shared.contracts.examples import example_of
from shared.contracts.orders import PlaceBasketOrder
from shared.contracts.topology import EXECUTION_ORDERS
from shared.runtime.correlation import current_causation, current_correlation
from shared.runtime.events import Delivery, EventRouter
from shared.runtime.reaction import Ack, Bury, Retry


def a_delivery(body: bytes, *, deliveries: int = 1) -> Delivery:
    return Delivery(
        stream="ORDERS", sequence=7, deliveries=deliveries, subject="orders.v1.x.y.z", headers={}, body=body
    )


def an_event(**changes: Any) -> bytes:
    rough = example_of(Envelope[PlaceBasketOrder].model_json_schema())
    return json.dumps(rough | {"type": "orders.place_basket_order", "version": 1} | changes).encode()


class Seen:
    def __init__(self, error: Exception | None = None) -> None:
        self.events: list[Envelope[PlaceBasketOrder]] = []
        self.bound: list[tuple[UUID | None, UUID | None]] = []
        self.error = error
        self.router = EventRouter(EXECUTION_ORDERS)
        self.router.on(PlaceBasketOrder)(self.take)

    async def take(self, event: Envelope[PlaceBasketOrder]) -> None:
        self.events.append(event)
        self.bound.append((current_correlation(), current_causation()))
        if self.error:
            raise self.error


async def test_an_event_is_decoded_and_its_ids_are_bound() -> None:
    seen = Seen()
    assert await seen.router.handle(a_delivery(an_event())) == Ack()
    (event,) = seen.events
    assert seen.bound == [(event.correlation_id, event.id)]
    assert current_correlation() is None


async def test_unknown_fields_are_ignored() -> None:
    seen = Seen()
    assert await seen.router.handle(a_delivery(an_event(news="from tomorrow"))) == Ack()
    assert len(seen.events) == 1


async def test_an_unknown_type_is_passed_over() -> None:
    seen = Seen()
    assert await seen.router.handle(a_delivery(an_event(type="orders.something_else"))) == Ack()
    assert seen.events == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed_event"),
        (b"[]", "malformed_event"),
        (b"\xff", "malformed_event"),
        (an_event(version=2), "unknown_event_version"),
        (an_event(data={}), "malformed_event"),
        (an_event(id="secret-value"), "malformed_event"),
    ],
)
async def test_what_cannot_be_read_is_buried_without_its_values(body: bytes, code: str) -> None:
    verdict = await Seen().router.handle(a_delivery(body))
    assert isinstance(verdict, Bury)
    assert verdict.code == code
    assert "secret-value" not in verdict.detail


async def test_a_handlers_error_becomes_a_verdict() -> None:
    verdict = await Seen(ZeroDivisionError()).router.handle(a_delivery(an_event(), deliveries=2))
    assert isinstance(verdict, Retry)


async def test_one_handler_an_event() -> None:
    seen = Seen()
    with pytest.raises(ValueError, match="already handles"):
        seen.router.on(PlaceBasketOrder)(seen.take)


async def test_a_raw_handler_gets_everything() -> None:
    router, seen = EventRouter(EXECUTION_ORDERS), []

    async def take(delivery: Delivery) -> None:
        seen.append(delivery.body)

    router.on_raw(take)
    assert await router.handle(a_delivery(b"anything")) == Ack()
    assert seen == [b"anything"]
