"""Runs on a position that stands, against the real database and the real paper exchange."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from kit.equal_books import books_equal_the_ledger

from execution.application.accepting import Command
from execution.domain.errors import PositionBusy
from execution.domain.plan import Mode, Plan, PlanOptions
from execution.domain.position import RunKind
from shared.testing import eventually
from shared.trading.status import Side

D = Decimal


async def planned(
    town: Any, trader: Any, position_id: UUID, kind: RunKind, amount: str | None = None, **options: Any
) -> Plan:
    made: Plan = await town.rooms.make_run_plan.execute(
        user_id=trader.account.user_id,
        position_id=position_id,
        kind=kind,
        amount=None if amount is None else D(amount),
        options=PlanOptions(**options),
    )
    return made


async def ordered(town: Any, trader: Any, plan: Plan) -> None:
    assert plan.position_id is not None
    await town.rooms.run.execute(
        Command(
            message_id=uuid4(),
            position_id=plan.position_id,
            account=trader.account,
            plan_id=plan.plan_id,
            kind=plan.kind,
            approved=plan.buys_at_most,
            expires_at=datetime.now(UTC) + timedelta(minutes=10),
        )
    )


async def settled(town: Any, run_id: UUID) -> Any:
    async def over() -> Any:
        [run] = await town.rows("select * from execution.runs where run_id = $1", run_id)
        legs = await town.rows("select symbol, status, reason from execution.legs where run_id = $1", run_id)
        assert run["state"] == "settled", [tuple(leg) for leg in legs]
        [row] = await town.rows("select * from execution.positions where position_id = $1", run["position_id"])
        return row

    return await eventually(over, timeout_s=60, every_s=0.1, because="the run settles")


async def bought(town: Any, trader: Any, amount: str = "1000", index_id: str = "top-10") -> UUID:
    command = await town.order(trader, await town.plan(trader, amount, index_id))
    await town.becomes(command.position_id, "ACTIVE")
    return UUID(str(command.position_id))


def own(row: Any) -> Decimal:
    return Decimal(row["contributed"] - row["withdrawn"] + row["proceeds"] - row["invested"])


async def move(town: Any, symbol: str, factor: str) -> None:
    was = town.exchange.ask("GET", "feed")["prices"][symbol]
    town.exchange.ask("POST", "feed", prices={symbol: format((D(was) * D(factor)).quantize(D("0.0001")), "f")})


async def test_a_position_grows_is_brought_back_pays_out_and_is_closed_and_the_books_equal_the_ledger(
    town: Any,
) -> None:
    trader = town.open_account()
    town.start_desks()
    position_id = await bought(town, trader)
    [first] = await town.rows("select * from execution.positions")
    assert (first["contributed"], first["withdrawn"]) == (first["invested"], 0)

    balanced = await planned(town, trader, position_id, RunKind.REBALANCE)
    assert not balanced.executable
    await move(town, "BTCUSDT", "1.5")
    plan = await planned(town, trader, position_id, RunKind.REBALANCE)
    assert plan.executable
    assert plan.drift_before is not None
    assert plan.drift_after is not None
    assert plan.drift_after < D("0.01") < D("0.05") < plan.drift_before
    assert [leg.symbol for leg in plan.to_send if leg.side is Side.SELL] == ["BTCUSDT"]
    await ordered(town, trader, plan)
    await ordered(town, trader, plan)
    row = await settled(town, plan.plan_id)
    assert (row["status"], row["complete"], row["run_kind"]) == ("ACTIVE", True, "rebalance")
    assert (row["contributed"], row["withdrawn"]) == (first["contributed"], 0), "no money came in or went out"
    assert 0 <= own(row) < D("0.02") * plan.total(Side.SELL)
    sides = await town.rows(
        "select side, min(intent_at) as first, max(updated_at) as last from execution.attempts where run_id = $1"
        " group by side",
        plan.plan_id,
    )
    when = {side["side"]: side for side in sides}
    assert when["Sell"]["last"] <= when["Buy"]["first"], "no buy before the sells are over"
    await books_equal_the_ledger(town, trader)
    again = await planned(town, trader, position_id, RunKind.REBALANCE)
    assert not again.executable

    plan = await planned(town, trader, position_id, RunKind.INVEST, "300")
    await ordered(town, trader, plan)
    grown = await settled(town, plan.plan_id)
    assert grown["run_kind"] == "invest"
    assert D(280) < grown["contributed"] - row["contributed"] <= D(300)
    assert own(grown) == own(row), "what was not spent is the account's free money again"
    await books_equal_the_ledger(town, trader)

    plan = await planned(town, trader, position_id, RunKind.WITHDRAW, "200")
    assert {leg.side for leg in plan.to_send} == {Side.SELL}
    await ordered(town, trader, plan)
    paid = await settled(town, plan.plan_id)
    assert D(190) < paid["withdrawn"] <= D(200)
    assert own(paid) == 0, "the position's own cash goes out first"
    await books_equal_the_ledger(town, trader)
    cash = await town.rows(
        "select sum(amount) as total from execution.journal where ledger = 'position' and asset = 'USDT'"
    )
    assert cash[0]["total"] == own(paid), "the quote ledger of a position is its own cash"
    assert await town.rows("select * from execution.reservations") == []


async def test_cash_of_a_position_is_nobody_elses_and_no_buy_reaches_for_the_accounts_free_money(town: Any) -> None:
    trader = town.open_account("1100")
    town.start_desks()
    position_id = await bought(town, trader)
    await move(town, "BTCUSDT", "1.4")
    # Sells come first; then the price of what is to be bought runs away, so that nothing can be bought.
    plan = await planned(town, trader, position_id, RunKind.REBALANCE)
    for leg in plan.to_send:
        if leg.side is Side.BUY:
            await move(town, leg.symbol, "1.03")
    await ordered(town, trader, plan)
    row = await settled(town, plan.plan_id)
    assert row["complete"] is False
    assert {reason.split(":")[1] for reason in row["reasons"]} == {"price_band"}
    assert own(row) == row["proceeds"] > 0
    free = await town.rooms.make_plan._room.free_money(trader.account)
    wallet = next(coin for coin in town.ledger(trader)["balances"] if coin["coin"] == "USDT")
    assert free == D(wallet["walletBalance"]) - own(row)
    spend = await planned(town, trader, position_id, RunKind.REBALANCE, mode=Mode.BUY_ONLY)
    await ordered(town, trader, spend)
    after = await settled(town, spend.plan_id)
    assert after["complete"] is True
    assert own(after) < D("0.02") * own(row)
    assert await town.rooms.make_plan._room.free_money(trader.account) == free


async def test_a_position_that_holds_only_cash_is_closed_without_an_order_and_its_cash_is_free_money(
    town: Any,
) -> None:
    trader = town.open_account()
    town.start_desks()
    position_id = await bought(town, trader, index_id="top-2")
    # The index holds another coin now, whose price runs away: everything is sold, and nothing is bought.
    town.neighbours.weights["top-2"] = (["0", "0", "1"], "1")
    plan = await planned(town, trader, position_id, RunKind.REBALANCE)
    assert {leg.symbol for leg in plan.to_send if leg.side is Side.BUY} == {"XRPUSDT"}
    await move(town, "XRPUSDT", "1.03")
    await ordered(town, trader, plan)
    row = await settled(town, plan.plan_id)
    assert (row["status"], list(row["reasons"])) == ("ACTIVE", ["XRPUSDT:price_band"])
    assert own(row) > D(900)
    assert not await town.rows("select * from execution.holdings where quantity > 0")
    orders = len(town.ledger(trader)["orders"])
    closing = await town.rooms.make_close_plan.execute(user_id=trader.account.user_id, position_id=position_id)
    assert (closing.legs, closing.executable, closing.amount, closing.cash_after) == ([], True, own(row), 0)
    await town.rooms.close.execute(
        Command(
            message_id=uuid4(),
            position_id=position_id,
            account=trader.account,
            plan_id=closing.plan_id,
            expires_at=datetime.now(UTC) + timedelta(minutes=10),
        )
    )
    [over] = await town.rows("select * from execution.positions")
    assert (over["status"], over["complete"], over["blocked_reason"]) == ("CLOSED", True, None)
    assert (over["withdrawn"] - row["withdrawn"], own(over)) == (own(row), D(0))
    wallet = next(coin for coin in town.ledger(trader)["balances"] if coin["coin"] == "USDT")
    assert await town.rooms.make_plan._room.free_money(trader.account) == D(wallet["walletBalance"])
    assert len(town.ledger(trader)["orders"]) == orders
    await books_equal_the_ledger(town, trader)


async def test_an_order_that_no_longer_fits_trades_nothing_and_says_why(town: Any) -> None:
    trader = town.open_account()
    town.start_desks()
    position_id = await bought(town, trader)
    first = await planned(town, trader, position_id, RunKind.INVEST, "100")
    second = await planned(town, trader, position_id, RunKind.INVEST, "100")
    balanced = await planned(town, trader, position_id, RunKind.REBALANCE)
    await town.stop_desks()
    await ordered(town, trader, first)
    with pytest.raises(PositionBusy):
        await planned(town, trader, position_id, RunKind.INVEST, "100")
    town.start_desks()
    await settled(town, first.plan_id)
    orders = len(town.ledger(trader)["orders"])
    for stale, why in ((second, "position_changed"), (balanced, "position_changed")):
        await ordered(town, trader, stale)
        [row] = await town.rows("select * from execution.positions")
        assert (row["status"], row["blocked_reason"]) == ("ACTIVE", why)
    assert len(town.ledger(trader)["orders"]) == orders
    assert len(await town.rows("select 1 from execution.runs")) == 2
