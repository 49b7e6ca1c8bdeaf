"""Sends whose outcome nobody knows: the venue's truth is found out, nothing is doubled, nothing is lost."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from execution.application.ports import DeskNeed
from shared.testing import eventually
from shared.trading.errors import Denied

CREATE = "/v5/order/create-batch"


async def bought_exactly_once(town: Any, trader: Any, position_id: Any) -> None:
    orders = town.ledger(trader)["orders"]
    links = [order["orderLinkId"] for order in orders]
    assert len(links) == len(set(links)) == 10
    legs = await town.rows(
        "select symbol, quantity, filled_quantity from execution.legs where position_id = $1", position_id
    )
    theirs = {order["symbol"]: order["cumExecQty"] for order in orders}
    assert {leg["symbol"]: str(leg["filled_quantity"].normalize()) for leg in legs} == {
        symbol: _plain(quantity) for symbol, quantity in theirs.items()
    }
    assert all(leg["filled_quantity"] == leg["quantity"] for leg in legs)
    fills = await town.rows("select exec_id from execution.fills where account_id = $1", trader.account.account_id)
    assert sorted(row["exec_id"] for row in fills) == sorted(row["execId"] for row in town.ledger(trader)["executions"])


def _plain(text: str) -> str:
    return str(Decimal(text).normalize())


async def test_a_reply_that_is_lost_is_found_by_asking(town: Any) -> None:
    trader = town.open_account()
    town.exchange.ask("POST", "faults", kind="lost_reply", path=CREATE, hold_ms=100, count=4)
    town.start_desks()
    command = await town.order(trader, await town.plan(trader))
    await town.becomes(command.position_id, "ACTIVE")
    await bought_exactly_once(town, trader, command.position_id)


async def test_a_request_that_never_arrived_is_sent_again_with_the_same_id_and_body(town: Any) -> None:
    trader = town.open_account()
    town.exchange.ask("POST", "faults", kind="lost_request", path=CREATE, hold_ms=100, count=2)
    town.start_desks()
    command = await town.order(trader, await town.plan(trader))
    await town.becomes(command.position_id, "ACTIVE", timeout_s=60)
    await bought_exactly_once(town, trader, command.position_id)
    sent: dict[str, set[str]] = {}
    for payload in town.neighbours.signed:
        document = json.loads(payload)
        for order in document.get("request", [document]):
            body = {key: value for key, value in order.items() if key != "category"}
            sent.setdefault(order["orderLinkId"], set()).add(json.dumps(body, sort_keys=True))
    assert all(len(bodies) == 1 for bodies in sent.values())


async def test_an_unclear_code_is_no_refusal(town: Any) -> None:
    trader = town.open_account()
    town.exchange.ask("POST", "faults", kind="ret_code", path=CREATE, ret_code=10016, outcome="executed", count=2)
    town.start_desks()
    command = await town.order(trader, await town.plan(trader))
    await town.becomes(command.position_id, "ACTIVE", timeout_s=60)
    await bought_exactly_once(town, trader, command.position_id)


async def test_orders_refused_for_speed_go_again_with_the_same_ids(town: Any) -> None:
    trader = town.open_account()
    town.exchange.ask("POST", "faults", kind="rate_limit", path=CREATE, count=1)
    town.start_desks()
    command = await town.order(trader, await town.plan(trader))
    await town.becomes(command.position_id, "ACTIVE", "FAILED", timeout_s=60)
    links = [order["orderLinkId"] for order in town.ledger(trader)["orders"]]
    assert len(links) == len(set(links))


async def test_a_silent_stream_does_not_stop_a_buy(town: Any) -> None:
    trader = town.open_account()
    town.exchange.ask("POST", "faults", kind="silent_stream", uid=trader.uid)
    town.start_desks()
    command = await town.order(trader, await town.plan(trader))
    await town.becomes(command.position_id, "ACTIVE", timeout_s=60)
    await bought_exactly_once(town, trader, command.position_id)


async def test_what_keys_refuses_to_sign_is_rejected_and_nothing_is_held(town: Any) -> None:
    trader = town.open_account()
    town.neighbours.refuse_signing = Denied(code="ceiling_exceeded")
    town.start_desks()
    command = await town.order(trader, await town.plan(trader))
    await town.becomes(command.position_id, "FAILED")
    assert town.ledger(trader)["orders"] == []
    assert await town.rows("select 1 from execution.reservations") == []


async def test_intents_of_a_process_that_died_before_sending_are_asked_about_and_then_sent(town: Any) -> None:
    trader = town.open_account()
    command = await town.order(trader, await town.plan(trader))
    lease = (await town.rooms.register.claim("a process that dies", limit=1))[0]
    tools = town.rooms.office._tools
    async with tools.books.work(trader.account.user_id) as work:
        run = (await work.trading_runs(trader.account.account_id))[0]
        legs = await work.legs_of_run(run.run_id)
    intents = await tools.trade_run.intents(lease, run, legs)
    assert len(intents) == 10
    await town.another_process()
    town.start_desks()
    await town.becomes(command.position_id, "ACTIVE", timeout_s=60)
    await bought_exactly_once(town, trader, command.position_id)


async def test_orders_of_a_process_that_died_before_reading_the_replies_are_adopted(town: Any) -> None:
    trader = town.open_account()
    command = await town.order(trader, await town.plan(trader))
    lease = (await town.rooms.register.claim("a process that dies", limit=1))[0]
    tools = town.rooms.office._tools
    async with tools.books.work(trader.account.user_id) as work:
        run = (await work.trading_runs(trader.account.account_id))[0]
        legs = await work.legs_of_run(run.run_id)
    intents = await tools.trade_run.intents(lease, run, legs)
    await tools.send_orders.execute(trader.account, intents, lambda _: None)
    await eventually(lambda: len(town.ledger(trader)["executions"]) >= 10)
    await town.another_process()
    town.start_desks()
    await town.becomes(command.position_id, "ACTIVE", timeout_s=60)
    await bought_exactly_once(town, trader, command.position_id)
    assert await town.rows("select 1 from execution.attempts where resends > 0") == []


async def test_a_desk_that_lost_its_lease_commits_no_intent(town: Any) -> None:
    trader = town.open_account()
    await town.order(trader, await town.plan(trader))
    old = (await town.rooms.register.claim("frozen", limit=1))[0]
    await town.rows("update execution.desks set leased_until = now() - interval '1 second'")
    await town.rooms.register.claim("successor", limit=1)
    tools = town.rooms.office._tools
    async with tools.books.work(trader.account.user_id) as work:
        run = (await work.trading_runs(trader.account.account_id))[0]
        legs = await work.legs_of_run(run.run_id)
    assert await tools.trade_run.intents(old, run, legs) == []
    assert await town.rooms.register.renew(old, "frozen") is DeskNeed.LOST
