"""Settling by hand on the real books and the real paper exchange."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from execution.application.book_venue_record import VenueRecord
from execution.domain.errors import OrderNotFound, OrderNotWaiting, VenueKnowsTheOrder
from execution.domain.venue_facts import ExecutionFact
from shared.testing import eventually
from shared.trading.errors import Unavailable
from shared.trading.status import AttemptState, Side

OPERATOR = UUID(int=99)
SAW = "The order history of the account, shown by its owner, has no such order."


class Stuck:
    """A buy of which the venue got every order but one; that one waits for a person."""

    def __init__(self, town: Any, trader: Any, position_id: UUID, link: str, sent: list[str]) -> None:
        self.town = town
        self.trader = trader
        self.position_id = position_id
        self.link = link
        self.sent = sent

    async def settle(self, *, user_id: UUID | None = None, link: str | None = None) -> Any:
        return await self.town.rooms.settle_by_hand.execute(
            user_id=user_id or self.trader.account.user_id,
            client_order_id=link or self.link,
            operator_id=OPERATOR,
            evidence=SAW,
        )

    async def hear_of_the_others(self) -> None:
        record = VenueRecord(account=self.trader.account, client_order_ids=self.sent, exec_ids=[])
        await self.town.rooms.book.execute(record)

    async def attention(self, link: str) -> None:
        """Time passes in which nothing is heard of an order."""
        await self.town.rows(
            "update execution.attempts set state = 'NEEDS_ATTENTION', sent_by = $2 where client_order_id = $1",
            link,
            datetime.now(UTC) - timedelta(minutes=20),
        )
        await self.town.rows(
            "update execution.legs set status = 'NEEDS_ATTENTION', client_order_id = $1"
            " where leg_id = (select leg_id from execution.attempts where client_order_id = $1)",
            link,
        )

    async def attempt(self, link: str | None = None) -> Any:
        [row] = await self.town.rows("select * from execution.attempts where client_order_id = $1", link or self.link)
        return row

    async def incidents(self) -> list[str]:
        told = await self.town.rows(
            "select body::json->'data'->>'code' as code from execution.outbox"
            " where body::json->>'type' = 'execution.incident_raised' order by position"
        )
        return [row["code"] for row in told]

    async def settlements(self) -> list[Any]:
        return list(await self.town.rows("select * from execution.hand_settlements"))


@pytest.fixture
async def stuck(town: Any) -> Stuck:
    trader = town.open_account()
    command = await town.order(trader, await town.plan(trader))
    lease = (await town.rooms.register.claim("deaf", limit=1))[0]
    tools = town.rooms.office._tools
    async with tools.books.work(trader.account.user_id) as work:
        run = (await work.trading_runs(trader.account.account_id))[0]
        legs = await work.legs_of_run(run.run_id)
    never, *intents = await tools.trade_run.intents(lease, run, legs)
    await tools.send_orders.execute(trader.account, intents, lambda _: None)
    await eventually(lambda: [o["orderStatus"] for o in town.ledger(trader)["orders"]] == ["Filled"] * 9)
    found = Stuck(town, trader, command.position_id, never.link_id, [one.link_id for one in intents])
    await found.attention(never.link_id)
    return found


async def test_the_order_ends_its_money_is_free_and_the_record_stays(stuck: Stuck) -> None:
    town = stuck.town
    await stuck.hear_of_the_others()
    assert await town.status(stuck.position_id) == "ACTIVE"
    held = await town.rows("select amount from execution.reservations")
    assert len(held) == 1, "what nobody knows about stays put aside"
    settled = await stuck.settle()
    assert (settled.state, settled.filled_quantity) == (AttemptState.CANCELLED, 0)
    assert await town.rows("select 1 from execution.reservations") == []
    [row] = await stuck.settlements()
    assert (row["client_order_id"], row["user_id"]) == (stuck.link, stuck.trader.account.user_id)
    assert (row["operator_id"], row["evidence"], row["state_before"]) == (OPERATOR, SAW, "NEEDS_ATTENTION")
    [position] = await town.rows("select status, complete, reasons from execution.positions")
    assert (position["status"], position["complete"]) == ("ACTIVE", False)
    assert [reason.split(":")[1] for reason in position["reasons"]] == ["settled_by_hand"]
    assert await stuck.incidents() == ["order_settled_by_hand"]
    with pytest.raises(OrderNotWaiting):
        await stuck.settle()
    assert len(await stuck.settlements()) == 1


async def test_the_last_open_order_of_a_run_ends_the_run(stuck: Stuck) -> None:
    await stuck.settle()
    assert await stuck.town.status(stuck.position_id) == "EXECUTING"
    await stuck.hear_of_the_others()
    assert await stuck.town.status(stuck.position_id) == "ACTIVE"


async def test_what_the_venue_shows_is_booked_instead(stuck: Stuck) -> None:
    unheard = stuck.sent[0]
    await stuck.attention(unheard)
    with pytest.raises(VenueKnowsTheOrder) as refused:
        await stuck.settle(link=unheard)
    assert refused.value.context["state"] == "FILLED"
    attempt = await stuck.attempt(unheard)
    assert (attempt["state"], attempt["filled_quantity"]) == ("FILLED", attempt["quantity"])
    fills = await stuck.town.rows("select 1 from execution.fills where client_order_id = $1", unheard)
    assert fills
    assert await stuck.settlements() == []


async def test_without_an_answer_of_the_venue_nothing_changes(stuck: Stuck) -> None:
    before = await stuck.attempt()
    stuck.town.exchange.ask("POST", "faults", kind="ret_code", path="/v5/order/realtime", ret_code=10016, count=20)
    with pytest.raises(Unavailable):
        await stuck.settle()
    stuck.town.exchange.ask("DELETE", "faults")
    assert await stuck.attempt() == before
    assert await stuck.settlements() == []
    assert len(await stuck.town.rows("select 1 from execution.reservations")) == 11


async def test_a_match_that_comes_after_all_is_booked(stuck: Stuck) -> None:
    await stuck.hear_of_the_others()
    await stuck.settle()
    attempt = await stuck.attempt()
    late = ExecutionFact(
        exec_id="late-1",
        link_id=stuck.link,
        venue_order_id="v-1",
        symbol=attempt["symbol"],
        side=Side.BUY,
        price=attempt["limit_price"],
        quantity=attempt["quantity"],
        fee=Decimal(0),
        fee_asset="",
        at=datetime.now(UTC),
    )
    for _ in range(2):
        await stuck.town.rooms.office._tools.bookkeeper.book(stuck.trader.account, [late])
    [holding] = await stuck.town.rows("select quantity from execution.holdings where symbol = $1", attempt["symbol"])
    assert holding["quantity"] == attempt["quantity"]
    after = await stuck.attempt()
    assert (after["state"], after["filled_quantity"]) == ("CANCELLED", attempt["quantity"])
    assert await stuck.incidents() == ["order_settled_by_hand", "late_execution"]
    assert await stuck.town.rows("select 1 from execution.reservations") == []


async def test_the_record_is_its_users_and_nobody_can_change_it(stuck: Stuck) -> None:
    with pytest.raises(OrderNotFound):
        await stuck.settle(user_id=uuid4())
    await stuck.settle()
    owner = str(stuck.trader.account.user_id)
    service = await asyncpg.connect(stuck.town.databases.dsn("execution"))
    try:
        for user, seen in ((owner, 1), (str(uuid4()), 0), ("", 0)):
            await service.execute("select set_config('app.user_id', $1, false)", user)
            assert await service.fetchval("select count(*) from execution.hand_settlements") == seen
        await service.execute("select set_config('app.user_id', $1, false)", owner)
        for change in ("update execution.hand_settlements set evidence = ''", "delete from execution.hand_settlements"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await service.execute(change)
    finally:
        await service.close()
