"""Every call that the platform's venue client makes is one that keys signs, byte for byte."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from uuid import UUID

import pytest
from kit.keys_desk import Desk, approve
from kit.keys_plan import Plan, a_plan

from keys.application.sign import CallToSign, Signed
from keys.domain.endpoints import Caller
from keys.domain.lane import Lane as DomainLane
from keys.domain.stored_key import StoredKey
from shared.contracts.rpc.signing import Lane, Signature
from shared.runtime.bybit.connections import VenueConnections
from shared.runtime.bybit.orders import LimitOrder
from shared.runtime.bybit.outcomes import Accepted, NotOpen, NotSent, Outcome
from shared.runtime.bybit.session import VenueSession
from shared.trading.clock import epoch_ms
from shared.trading.status import Side, VenueEnvironment

pytestmark = pytest.mark.integration


class SignsHere:
    """Asks the service under test without the bus in between."""

    def __init__(self, desk: Desk, key_id: UUID, caller: Caller) -> None:
        self._desk, self._key_id, self._caller = desk, key_id, caller

    async def sign(self, *, method: str, path: str, payload: str, recv_window_ms: int, lane: Lane) -> Signature:
        answer = await self._desk.cases.sign(
            CallToSign(
                caller=self._caller,
                user_id=self._desk.user,
                key_id=self._key_id,
                method=method,
                path=path,
                payload=payload,
                recv_window_ms=recv_window_ms,
                lane=DomainLane(lane.value),
            )
        )
        if isinstance(answer, Signed):
            return Signature(headers=answer.headers, timestamp_ms=answer.timestamp_ms)
        return Signature(retry_after_ms=answer.after_ms, retry_reason=answer.reason.value)


@pytest.fixture
async def key(desk: Desk) -> StoredKey:
    return await desk.add(desk.paper.open())


@pytest.fixture
async def connections(desk: Desk) -> AsyncIterator[VenueConnections]:
    made = VenueConnections(desk.paper.url, order_threads=2, query_threads=2)
    yield made
    made.close()


def a_session(desk: Desk, key: StoredKey, connections: VenueConnections, caller: Caller) -> VenueSession:
    return VenueSession(
        environment=VenueEnvironment.PAPER, connections=connections, signer=SignsHere(desk, key.key_id, caller)
    )


def an_order(plan: Plan, leg: int) -> LimitOrder:
    return LimitOrder(
        client_order_id=plan.link(leg),
        symbol="BTCUSDT",
        side=Side.BUY,
        quantity=Decimal("0.001"),
        price=Decimal(1000),
    )


@pytest.mark.parametrize("caller", [Caller.EXECUTION, Caller.RECONCILER])
async def test_every_question_of_the_client_is_signed(
    desk: Desk, key: StoredKey, connections: VenueConnections, caller: Caller
) -> None:
    session, link = a_session(desk, key, connections, caller), a_plan().link(0)
    now_ms = epoch_ms(desk.clock.now())
    span = {"start_ms": now_ms - 9 * 86_400_000, "end_ms": now_ms}
    answers: list[Outcome[object]] = [
        await session.order_by_link_id(link),
        await session.open_orders(),
        await session.open_orders("BTCUSDT"),
        await session.history_by_link_id(link),
        await session.executions_by_link_id(link),
        await session.executions(**span),
        await session.transaction_log(**span),
        await session.wallet(),
        await session.wallet(("USDT", "BTC")),
    ]
    assert [type(answer) for answer in answers] == [Accepted] * len(answers)


async def test_every_order_call_of_the_client_is_signed_for_execution_alone(
    desk: Desk, key: StoredKey, connections: VenueConnections
) -> None:
    plan = a_plan()
    await approve(desk, key, plan)
    trader = a_session(desk, key, connections, Caller.EXECUTION)
    reader = a_session(desk, key, connections, Caller.RECONCILER)
    for outcome in (
        await reader.create_order(an_order(plan, 0)),
        await reader.create_batch([an_order(plan, 0)]),
        await reader.cancel_order(symbol="BTCUSDT", client_order_id=plan.link(0)),
    ):
        assert isinstance(outcome, NotSent)
        assert outcome.error.code == "endpoint_not_allowed"
    placed = await trader.create_batch([an_order(plan, leg) for leg in range(10)])
    assert isinstance(placed, Accepted)
    cancelled = await trader.cancel_order(symbol="BTCUSDT", client_order_id=plan.link(0))
    assert isinstance(cancelled, Accepted | NotOpen)
    sent = await trader.create_order(an_order(plan, 10))
    assert not isinstance(sent, NotSent)
