"""The whole service on a real bus: a command goes in, events come out, questions are answered."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from basketry_local.testing.bus import Bus
from execution.settings import Settings
from execution.wiring import build
from shared.contracts.envelope import Envelope
from shared.contracts.orders import PlaceBasketOrder
from shared.contracts.rpc import books, execution, guards, keys, market_data, plans, signing
from shared.contracts.rpc.verb import RpcVerb
from shared.runtime.process import Process
from shared.runtime.rpc import RpcRouter
from shared.runtime.settings import ServiceSettings
from shared.testing import eventually
from shared.trading.errors import NotFound

SERVED: dict[str, tuple[RpcVerb[Any, Any], ...]] = {
    "keys": (signing.SIGN, signing.SIGN_STREAM, keys.DESCRIBE, guards.CHECK_LIMITS),
    "market_data": (market_data.GET_INDEX, market_data.GET_INSTRUMENTS, market_data.GET_QUOTES),
}


@asynccontextmanager
async def the_platform(town: Any, bus: Bus) -> AsyncIterator[Process]:
    async with AsyncExitStack() as stack:
        for service, verbs in SERVED.items():
            router = RpcRouter()
            for verb in verbs:
                router.answer(verb)(_passed_on(town, verb))
            settings = ServiceSettings(nats_url=bus.url, nats_seed=bus.seed(service))
            await stack.enter_async_context(Process(service, settings, rpc=[router]).running())
        settings = Settings.model_validate(
            {
                **town.settings.model_dump(),
                "database_dsn": town.databases.dsn("execution"),
                "relay_dsn": town.databases.relay_dsn("execution"),
                "link_key": town.settings.link_key,
                "nats_url": bus.url,
                "nats_seed": bus.seed("execution"),
            }
        )
        process = build(settings)
        await stack.enter_async_context(process.running())
        gateway = Process("gateway", ServiceSettings(nats_url=bus.url, nats_seed=bus.seed("gateway")))
        yield await stack.enter_async_context(_entered(gateway))


def _passed_on(town: Any, verb: RpcVerb[Any, Any]) -> Callable[[Any], Awaitable[Any]]:
    async def answer(request: Any) -> Any:
        return await town.neighbours.ask(verb, request)

    return answer


@asynccontextmanager
async def _entered(process: Process) -> AsyncIterator[Process]:
    async with process.running():
        yield process


def the_command(plan: plans.PlanView, position_id: Any) -> Envelope[PlaceBasketOrder]:
    return Envelope[PlaceBasketOrder](
        id=uuid4(),
        source="gateway",
        type="orders.place_basket_order",
        version=1,
        time=datetime.now(UTC),
        subject=f"orders.v1.place_basket_order.{plan.user_id}.{position_id}",
        aggregate_id=str(position_id),
        aggregate_version=1,
        correlation_id=uuid4(),
        data=PlaceBasketOrder(
            position_id=position_id,
            user_id=plan.user_id,
            account_id=plan.account_id,
            environment=plan.environment,
            plan_id=plan.plan_id,
            index_id=plan.index_id,
            approved_amount=plan.amount,
            ceilings=plan.ceilings,
            expires_at=datetime.now(UTC) + timedelta(minutes=5),
        ),
    )


async def test_a_command_from_the_bus_becomes_a_position_and_every_event_carries_its_state(town: Any, bus: Bus) -> None:
    trader = town.open_account()
    async with the_platform(town, bus) as gateway, bus.connect() as tester:
        heard: list[dict[str, Any]] = []

        async def hear(message: Any) -> None:
            heard.append(json.loads(message.data))

        await tester.subscribe("execution.v1.>", cb=hear)
        plan = await gateway.ask.ask(
            plans.MAKE_PLAN,
            plans.MakePlan(
                user_id=trader.account.user_id,
                account_id=trader.account.account_id,
                index_id="top-10",
                amount=Decimal(1000),
            ),
        )
        limits = {leg.symbol: leg.limit_price for leg in plan.legs if leg.check == "ok"}
        assert {ceiling.symbol: ceiling.limit_price for ceiling in plan.ceilings} == limits
        command = the_command(plan, uuid4())
        text = command.model_dump_json().encode()
        for _ in range(2):
            await tester.jetstream().publish(command.subject, text)

        def active() -> bool:
            kinds = [event["type"] for event in heard]
            # Legs and their position are told beside each other: nothing orders the last leg before the position.
            return "execution.position_active" in kinds and kinds.count("execution.leg_filled") >= 10

        await eventually(active, timeout_s=60, every_s=0.2)
        kinds = [event["type"] for event in heard]
        assert kinds.index("execution.position_executing") < kinds.index("execution.position_active")
        assert kinds.count("execution.leg_filled") == 10
        assert kinds.count("execution.position_executing") == 1
        assert {event["correlation_id"] for event in heard} == {str(command.correlation_id)}
        await versions_count_up(heard)
        detail = await gateway.ask.ask(
            books.GET_POSITION,
            books.PositionRef(user_id=trader.account.user_id, position_id=command.data.position_id),
        )
        assert detail.position.status == "ACTIVE"
        assert len(detail.fills) == len(town.ledger(trader)["executions"])


async def test_settling_by_hand_is_refused_with_its_reason_over_the_bus(town: Any, bus: Bus) -> None:
    async with the_platform(town, bus) as gateway:
        question = execution.SettleOrder(
            user_id=uuid4(),
            client_order_id="nobody-knows-it",
            operator_id=uuid4(),
            evidence="Nothing to be seen there.",
        )
        with pytest.raises(NotFound) as refused:
            await gateway.ask.ask(execution.SETTLE_ORDER, question)
        assert refused.value.code == "order_not_found"


async def versions_count_up(heard: list[dict[str, Any]]) -> None:
    latest: dict[str, int] = {}
    for event in heard:
        assert event["aggregate_version"] > latest.get(event["aggregate_id"], 0), event["type"]
        latest[event["aggregate_id"]] = event["aggregate_version"]
