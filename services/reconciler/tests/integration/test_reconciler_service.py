from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

import asyncpg
import pytest

from basketry_local.testing.bus import Bus
from basketry_local.testing.databases import TestDatabases
from shared.contracts.fields import Contract
from shared.contracts.portfolio import BreakFound, DeviationDetected, PnlUpdated
from shared.contracts.problem import Problem
from shared.contracts.rpc import reconciler as questions
from shared.contracts.rpc.verb import RpcVerb
from shared.contracts.tasks import BookVenueRecord, ReconcileAccount, ReconcileAllPositions
from shared.testing import eventually
from shared.trading.errors import NotFound
from shared.trading.status import PositionStatus, Side

pytestmark = pytest.mark.integration


async def buy_three(town: Any) -> None:
    for asset in ("BTC", "ETH", "SOL"):
        await town.trade(asset, Side.BUY, "300")


async def test_pnl_comes_at_once_and_equals_ledger_and_marks(town: Any, bus: Bus, reconciler: Any) -> None:
    await buy_three(town)
    async with bus.connect() as tester:
        await town.active(tester)
        # Before the first tick of the clock that this town keeps.
        first = await eventually(lambda: of_three(town), every_s=0.005)
    check_against_ledger(first[0], await town.ledger())
    await town.control("POST", "feed", prices={"BTCUSDT": "99000"})
    await eventually(lambda: len(of_three(town)) >= 2)
    proved = await eventually(
        lambda: [event for event in of_three(town) if event.reconciled_at], because="a proved comparison"
    )
    await town.control("POST", "feed", prices={"BTCUSDT": "101000"})
    await eventually(
        lambda: {event.source for event in town.of(PnlUpdated)} == {"revaluation", "reconciliation"},
        because="prices are followed between comparisons",
    )
    for event in [*of_three(town), *proved]:
        check_against_ledger(event, await town.ledger())
    versions = [
        row["aggregate_version"]
        for row in town.heard
        if row.get("type") in {"portfolio.pnl_updated", "portfolio.deviation_detected", "portfolio.deviation_cleared"}
    ]
    assert versions == list(range(1, len(versions) + 1))


def of_three(town: Any) -> list[PnlUpdated]:
    """Values of all three coins: the clock may ask for a comparison while they are still being bought."""
    return [event for event in town.of(PnlUpdated) if all(row.quantity for row in event.holdings)]


def check_against_ledger(event: PnlUpdated, ledger: dict[str, Any]) -> None:
    quantity: dict[str, Decimal] = {}
    cost: dict[str, Decimal] = {}
    for row in ledger["executions"]:
        if row["orderLinkId"].startswith("bp"):
            symbol = row["symbol"]
            quantity[symbol] = quantity.get(symbol, Decimal(0)) + Decimal(row["execQty"]) - Decimal(row["execFee"])
            cost[symbol] = cost.get(symbol, Decimal(0)) + Decimal(row["execValue"])
    assert {row.symbol: row.quantity for row in event.holdings} == quantity
    assert event.value == sum(quantity[row.symbol] * row.mark for row in event.holdings)
    assert event.cost == sum(cost.values())
    assert event.pnl == event.realised + event.value - event.cost


async def test_the_clock_alone_leads_to_a_comparison(town: Any, reconciler: Any) -> None:
    await buy_three(town)
    await eventually(lambda: town.of(ReconcileAllPositions), timeout_s=60)
    jobs = await eventually(lambda: town.of(ReconcileAccount), timeout_s=60)
    assert jobs[0].account_id == town.account_id
    await eventually(lambda: town.of(PnlUpdated), timeout_s=60)


async def test_a_match_that_our_books_lack_is_handed_over_and_resolved(town: Any, bus: Bus, reconciler: Any) -> None:
    await buy_three(town)
    hidden = (await town.ledger())["executions"][0]
    town.unbooked = {hidden["execId"]}
    async with bus.connect() as tester:
        await town.active(tester)
        record = (await eventually(lambda: town.of(BookVenueRecord), timeout_s=60))[0]
        assert (record.break_class, record.exec_ids) == ("D1", [hidden["execId"]])
        assert record.client_order_ids == [hidden["orderLinkId"]]
        await eventually(lambda: town.of(BreakFound), because="the break is told beside the task")
        assert [(event.break_class, event.status) for event in town.of(BreakFound)] == [("D1", "open")]
        town.unbooked = set()
        await town.active(tester)
        await eventually(lambda: [event for event in town.of(BreakFound) if event.status == "resolved"], timeout_s=60)


async def test_coins_taken_from_the_account_are_a_shortage_until_they_return(
    town: Any, bus: Bus, reconciler: Any
) -> None:
    await buy_three(town)
    uid = town.account["uid"]
    await town.control("POST", "deposits", uid=uid, coin="ETH", amount="-0.01")
    async with bus.connect() as tester:
        await town.active(tester)
        short = await eventually(
            lambda: [event for event in town.of(BreakFound) if event.status == "open"], timeout_s=60
        )
        assert (short[0].break_class, short[0].asset, short[0].difference) == ("D5", "ETH", Decimal("-0.01"))
        await town.control("POST", "deposits", uid=uid, coin="ETH", amount="0.01")
        await town.active(tester)
    await eventually(lambda: [event for event in town.of(BreakFound) if event.status == "resolved"], timeout_s=60)


async def test_a_trade_by_hand_is_noted(town: Any, bus: Bus, reconciler: Any) -> None:
    await buy_three(town)
    await town.trade("BTC", Side.BUY, "50", ours=False)
    async with bus.connect() as tester:
        await town.active(tester)
    notes = await eventually(lambda: town.of(BreakFound), timeout_s=60)
    assert {(event.break_class, event.status) for event in notes} == {("D4", "expected")}
    by_hand = next(row for row in (await town.ledger())["executions"] if not row["orderLinkId"].startswith("bp"))
    town.unbooked = {f"trade:{by_hand['execId']}"}
    async with bus.connect() as tester:
        await town.active(tester)
    task = (await eventually(lambda: town.of(BookVenueRecord), timeout_s=60))[0]
    assert (task.break_class, task.flow_ids, task.exec_ids) == ("D4", [f"trade:{by_hand['execId']}"], [])
    assert task.since is not None
    assert task.since.timestamp() * 1000 <= int(by_hand["execTime"])


async def test_a_dead_key_is_told_and_sight_comes_back(town: Any, bus: Bus, reconciler: Any) -> None:
    await buy_three(town)
    await town.control("POST", "keys", api_key=town.account["api_key"], ips=["203.0.113.9"])
    async with bus.connect() as tester:
        await town.active(tester)
        blind = await eventually(lambda: town.of(BreakFound), timeout_s=60)
        assert (blind[0].break_class, blind[0].status) == ("D11", "open")
        await town.control("POST", "keys", api_key=town.account["api_key"], ips=["*"])
        await town.active(tester)
    await eventually(lambda: [event for event in town.of(BreakFound) if event.status == "resolved"], timeout_s=60)


async def test_drift_is_told_once_while_prices_move(town: Any, bus: Bus, reconciler: Any) -> None:
    await buy_three(town)
    async with bus.connect() as tester:
        await town.active(tester)
    [valued, *_] = await eventually(lambda: of_three(town))
    mark = mark_of(valued, "SOLUSDT")
    await town.control("POST", "feed", prices={"SOLUSDT": f"{mark * 2:f}"})
    told = await eventually(lambda: town.of(DeviationDetected), timeout_s=60)
    assert "SOLUSDT" in {item.symbol for item in told[0].items}
    for factor in (3, 4):  # a second word about drift would come before the value that follows it
        price = mark * factor
        await town.control("POST", "feed", prices={"SOLUSDT": f"{price:f}"})
        await eventually(partial(was_valued_at, town, "SOLUSDT", price))
    assert len(town.of(DeviationDetected)) == 1


def mark_of(event: PnlUpdated, symbol: str) -> Decimal:
    return next(row.mark for row in event.holdings if row.symbol == symbol)


def was_valued_at(town: Any, symbol: str, price: Decimal) -> bool:
    return any(abs(mark_of(event, symbol) / price - 1) < Decimal("0.01") for event in of_three(town))


async def test_a_closed_position_tells_what_it_realised_and_rests(town: Any, bus: Bus, reconciler: Any) -> None:
    await buy_three(town)
    town.status = PositionStatus.CLOSING
    async with bus.connect() as tester:
        await town.active(tester)
        await eventually(lambda: town.of(PnlUpdated))
        await town.trade("SOL", Side.SELL, "150")
        town.status = PositionStatus.CLOSED
        await town.active(tester)
    sold = await eventually(lambda: [event for event in town.of(PnlUpdated) if event.realised], timeout_s=60)
    rows = [row for row in (await town.ledger())["executions"] if row["side"] == "Sell"]
    proceeds = sum(Decimal(row["execValue"]) - Decimal(row["execFee"]) for row in rows)
    assert sold[-1].realised < proceeds


async def test_what_it_keeps_is_invisible_without_its_user(
    town: Any, bus: Bus, reconciler: Any, database: TestDatabases
) -> None:
    await buy_three(town)
    async with bus.connect() as tester:
        await town.active(tester)
    await eventually(lambda: of_three(town))
    login = await asyncpg.connect(database.dsn("reconciler"))
    admin = await asyncpg.connect(database.admin_dsn("reconciler"))
    try:
        for table, rows in (("position", 1), ("holding", 3), ("pnl_point", 1), ("flow", 1), ("held_still", 4)):
            query = f"select count(*) from reconciler.{table}"
            assert await admin.fetchval(query) >= rows
            assert await login.fetchval(query) == 0
        await login.execute("select set_config('app.user_id', $1, false)", str(town.account_id))
        assert await login.fetchval("select count(*) from reconciler.position") == 0
    finally:
        await login.close()
        await admin.close()


async def ask(bus: Bus, verb: RpcVerb[Any, Any], question: Contract) -> Any:
    """The answer, as the gateway may ask for it; an error is what its reply says."""
    async with bus.connect("gateway") as gateway:
        answer = await gateway.request(verb.subject, question.model_dump_json().encode(), timeout=10)
    if answer.headers and answer.headers.get("problem"):
        raise Problem.model_validate_json(answer.data).to_error()
    return verb.reply.model_validate_json(answer.data)


async def test_what_a_position_came_to_is_answered_over_the_bus(town: Any, bus: Bus, reconciler: Any) -> None:
    town.status = PositionStatus.EXECUTING
    await buy_three(town)
    question = questions.GetPerformance(user_id=town.user_id, position_id=town.position_id)
    with pytest.raises(NotFound):
        await ask(bus, questions.GET_PERFORMANCE, question)
    town.status = PositionStatus.ACTIVE
    async with bus.connect() as tester:
        await town.active(tester)
        await eventually(lambda: of_three(town))
        await town.control("POST", "feed", prices={"BTCUSDT": "99000"})
        await eventually(lambda: len(of_three(town)) >= 2)
    rows = (await town.ledger())["executions"]
    paid = sum(Decimal(row["execValue"]) for row in rows)
    found = await ask(bus, questions.GET_PERFORMANCE, question)
    assert [(flow.kind, flow.amount, flow.before) for flow in found.flows] == [("buy", paid, Decimal(0))]
    assert (found.totals.paid_in, found.totals.taken_out) == (paid, Decimal(0))
    assert found.totals.pnl == found.totals.value - paid == sum(one.total for one in found.contributions)
    assert abs(found.returns.time_weighted - (found.totals.value / paid - 1)) < Decimal("1e-15")
    assert found.points[-1].value == found.totals.value
    assert found.totals.slippage.traded == 0, "the town's legs say nothing of what they did"
    assert abs(found.benchmarks.held - found.returns.time_weighted) < Decimal("1e-15"), "nothing was rebalanced"
    portfolio = await ask(bus, questions.GET_PORTFOLIO, questions.GetPortfolio(user_id=town.user_id))
    [paper] = portfolio.environments
    assert (paper.environment, paper.positions, paper.totals.paid_in) == ("paper", 1, paid)
    stranger = questions.GetPerformance(user_id=town.account_id, position_id=town.position_id)
    with pytest.raises(NotFound):
        await ask(bus, questions.GET_PERFORMANCE, stranger)
    nobody = await ask(bus, questions.GET_PORTFOLIO, questions.GetPortfolio(user_id=town.account_id))
    assert nobody.environments == []


async def test_a_malformed_event_is_put_aside_and_the_next_flows(town: Any, bus: Bus, reconciler: Any) -> None:
    await buy_three(town)
    async with bus.connect() as tester:
        subject = f"execution.v1.position_active.{town.user_id}.{town.position_id}"
        await tester.jetstream().publish(subject, b'{"id": 7}')
        await town.active(tester)
    await eventually(lambda: town.of(PnlUpdated))
    await eventually(lambda: any(row.get("code") == "malformed_event" for row in town.heard))
