"""What the venue says is booked once, whenever and however often it says so."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from execution.application.book_venue_record import VenueRecord
from execution.domain.venue_facts import ExecutionFact, OrderFact, Standing
from execution.wiring import furnish
from shared.testing import eventually
from shared.trading.status import Side


async def sent_but_unheard(town: Any, trader: Any) -> Any:
    """A buy whose orders are at the venue while nobody here has heard of their fate."""
    command = await town.order(trader, await town.plan(trader))
    lease = (await town.rooms.register.claim("deaf", limit=1))[0]
    tools = town.rooms.office._tools
    async with tools.books.work(trader.account.user_id) as work:
        run = (await work.trading_runs(trader.account.account_id))[0]
        legs = await work.legs_of_run(run.run_id)
    intents = await tools.trade_run.intents(lease, run, legs)
    await tools.send_orders.execute(trader.account, intents, lambda _: None)
    await eventually(lambda: all(o["orderStatus"] == "Filled" for o in town.ledger(trader)["orders"]))
    return command


async def test_the_reconcilers_findings_are_asked_about_again_and_booked_once(town: Any) -> None:
    trader = town.open_account()
    command = await sent_but_unheard(town, trader)
    ledger = town.ledger(trader)
    half = [order["orderLinkId"] for order in ledger["orders"]][:5]
    for _ in range(2):
        await town.rooms.book.execute(VenueRecord(account=trader.account, client_order_ids=half, exec_ids=[]))
    await town.rooms.book.execute(
        VenueRecord(
            account=trader.account,
            client_order_ids=["not-ours"],
            exec_ids=[row["execId"] for row in ledger["executions"]],
        )
    )
    fills = await town.rows("select exec_id from execution.fills")
    assert sorted(row["exec_id"] for row in fills) == sorted(row["execId"] for row in ledger["executions"])
    assert await town.status(command.position_id) == "ACTIVE"
    missing = await town.rooms.read_books.missing(
        user_id=trader.account.user_id,
        account_id=trader.account.account_id,
        exec_ids=[ledger["executions"][0]["execId"], "never-heard-of"],
    )
    assert missing == ["never-heard-of"]


async def test_a_late_match_on_an_ended_order_is_booked_and_calls_a_person(town: Any) -> None:
    trader = town.open_account()
    town.start_desks()
    command = await town.order(trader, await town.plan(trader))
    await town.becomes(command.position_id, "ACTIVE")
    await town.stop_desks()
    attempt = (await town.rows("select * from execution.attempts limit 1"))[0]
    before = (await town.rows("select quantity from execution.holdings where symbol = $1", attempt["symbol"]))[0][0]
    late = ExecutionFact(
        exec_id="late-1",
        link_id=attempt["client_order_id"],
        venue_order_id=attempt["venue_order_id"],
        symbol=attempt["symbol"],
        side=Side.BUY,
        price=attempt["limit_price"],
        quantity=Decimal("0.5"),
        fee=Decimal(0),
        fee_asset="",
        at=datetime.now(UTC),
    )
    bookkeeper = town.rooms.office._tools.bookkeeper
    for _ in range(3):
        await bookkeeper.book(trader.account, [late])
    after = (await town.rows("select quantity from execution.holdings where symbol = $1", attempt["symbol"]))[0][0]
    assert after - before == Decimal("0.5")
    told = await town.rows(
        "select body::json->'data'->>'code' as code from execution.outbox"
        " where body::json->>'type' = 'execution.incident_raised'"
    )
    assert [row["code"] for row in told] == ["late_execution"]
    assert await town.status(command.position_id) == "ACTIVE"


async def test_an_order_under_an_id_of_ours_without_a_row_calls_a_person(town: Any) -> None:
    trader = town.open_account()
    command = await sent_but_unheard(town, trader)
    link = (await town.rows("select client_order_id from execution.attempts limit 1"))[0][0]
    await town.rows("delete from execution.attempts where client_order_id = $1", link)
    seen = OrderFact(
        link_id=link,
        venue_order_id="1",
        symbol="BTCUSDT",
        side=Side.BUY,
        standing=Standing.OPEN,
        quantity=Decimal(1),
        price=Decimal(1),
    )
    for _ in range(2):
        await town.rooms.office._tools.bookkeeper.book(trader.account, [seen])
    assert await _incidents(town) == ["unknown_order_of_ours"]
    assert await town.status(command.position_id) == "EXECUTING"


async def test_a_match_that_the_database_refuses_keeps_no_other_from_the_books(town: Any) -> None:
    trader = town.open_account()
    await sent_but_unheard(town, trader)
    attempt = (await town.rows("select * from execution.attempts limit 1"))[0]
    good, bad = (
        ExecutionFact(
            exec_id=exec_id,
            link_id=attempt["client_order_id"],
            venue_order_id=venue_order_id,
            symbol=attempt["symbol"],
            side=Side.BUY,
            price=attempt["limit_price"],
            quantity=attempt["quantity"] / 2,
            fee=Decimal(0),
            fee_asset="",
            at=datetime.now(UTC),
        )
        for exec_id, venue_order_id in (("good", "1"), ("bad", "\0"))
    )
    for _ in range(2):
        await town.rooms.office._tools.bookkeeper.book(trader.account, [bad, good])
    assert [row["exec_id"] for row in await town.rows("select exec_id from execution.fills")] == ["good"]
    assert await _incidents(town) == ["unbookable_fact"]


async def _incidents(town: Any) -> list[str]:
    told = await town.rows(
        "select body::json->'data'->>'code' as code from execution.outbox"
        " where body::json->>'type' = 'execution.incident_raised'"
    )
    return [row["code"] for row in told]


async def test_two_processes_share_the_accounts_and_send_each_order_once(town: Any) -> None:
    twin = furnish(town.settings, town.neighbours)
    other = asyncio.create_task(twin.office.run())
    town.start_desks()
    try:
        traders = [town.open_account() for _ in range(4)]
        commands = [await town.order(trader, await town.plan(trader)) for trader in traders]
        for command in commands:
            await town.becomes(command.position_id, "ACTIVE", timeout_s=60)
        for trader in traders:
            links = [order["orderLinkId"] for order in town.ledger(trader)["orders"]]
            assert len(links) == len(set(links)) == 10
        holders = await town.rows("select distinct holder from execution.desks where holder is not null")
        assert len(holders) <= 2
    finally:
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)
        twin.venue.close()
        await twin.database.close()


async def test_two_runs_of_one_account_never_spend_more_than_it_has(town: Any) -> None:
    trader = town.open_account("1500")
    town.start_desks()
    plans = [await town.plan(trader, "700") for _ in range(3)]
    commands = await asyncio.gather(*(town.order(trader, plan) for plan in plans))
    statuses = [await town.becomes(command.position_id, "ACTIVE", "FAILED", timeout_s=60) for command in commands]
    assert sorted(statuses) == ["ACTIVE", "ACTIVE", "FAILED"]
    spent = sum(Decimal(row["execValue"]) for row in town.ledger(trader)["executions"])
    assert spent <= 1400
