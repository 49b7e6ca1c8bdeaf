"""The user trades by hand and moves coins at the real paper exchange: the books hold it once, on their own coins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from kit.by_hand import with_a_key_of_their_own

from execution.application.book_venue_record import VenueRecord
from execution.domain.errors import PositionNotClosable
from execution.domain.shortage import ShortageAnswer

D = Decimal


async def test_manual_trades_and_transfers_are_booked_once_and_equal_the_venues_balances(town: Any) -> None:
    trader = town.open_account("1000")
    before = datetime.now(UTC) - timedelta(minutes=1)
    owner = await with_a_key_of_their_own(town.exchange.rest, trader.uid)
    await owner.trades("BTCUSDT", "Buy", "0.001")
    await owner.moves("ETH", "0.5")
    await owner.moves("USDT", "-100")
    await owner.trades("ETHUSDT", "Sell", "0.2")
    ledger = town.ledger(trader)
    ids = [f"trade:{row['execId']}" for row in ledger["executions"]]
    ids += [f"log:{row['id']}" for row in ledger["transaction_log"] if row["type"] != "TRADE"]
    record = VenueRecord(account=trader.account, flow_ids=ids, since=before)
    for _ in range(2):
        await town.rooms.book.execute(record)

    rows = await town.rows(
        "select ledger, asset, sum(amount) as total from execution.journal where account_id = $1 group by 1, 2",
        trader.account.account_id,
    )
    own = {row["asset"]: row["total"] for row in rows if row["ledger"] == "unassigned"}
    assert own == {row["coin"]: D(row["walletBalance"]) for row in ledger["balances"]}, "to the last digit"
    sums: dict[str, D] = {}
    for row in rows:
        sums[row["asset"]] = sums.get(row["asset"], D(0)) + row["total"]
    assert set(sums.values()) == {D(0)}

    found = await town.rooms.read_books.flows(
        user_id=trader.account.user_id, account_id=trader.account.account_id, before=None, limit=100
    )
    assert sorted(flow.flow_id for flow in found) == sorted(ids)
    assert [flow.at for flow in found] == sorted((flow.at for flow in found), reverse=True)
    newest, second = found[0], found[1]
    rest = await town.rooms.read_books.flows(
        user_id=trader.account.user_id,
        account_id=trader.account.account_id,
        before=(newest.at, newest.flow_id),
        limit=1,
    )
    assert [flow.flow_id for flow in rest] == [second.flow_id]
    events = await town.rows("select subject from execution.outbox where subject like '%account_flows_booked%'")
    assert len(events) == 1


async def test_one_users_flows_are_nobody_elses(town: Any) -> None:
    trader, stranger = town.open_account("100"), town.open_account("100")
    line = next(row for row in town.ledger(trader)["transaction_log"])
    record = VenueRecord(
        account=trader.account, flow_ids=[f"log:{line['id']}"], since=datetime.now(UTC) - timedelta(minutes=5)
    )
    await town.rooms.book.execute(record)
    seen = await town.rooms.read_books.flows(
        user_id=stranger.account.user_id, account_id=trader.account.account_id, before=None, limit=10
    )
    assert list(seen) == []


async def test_two_positions_bear_what_the_user_sold_until_they_say_so(town: Any) -> None:
    trader = town.open_account("10000")
    town.start_desks()
    commands = [await town.order(trader, await town.plan(trader, amount)) for amount in ("1000", "500")]
    for command in commands:
        await town.becomes(command.position_id, "ACTIVE")
    await town.stop_desks()
    owner = await with_a_key_of_their_own(town.exchange.rest, trader.uid)
    held = await holdings(town)
    total = sum(held.values())
    await owner.moves("BTC", f"-{total / 4:f}")
    await town.rows("update execution.positions set traded_at = now() - interval '1 minute'")
    task = VenueRecord(account=trader.account, assets=["BTC", "ETH"])
    for _ in range(2):
        await town.rooms.book.execute(task)

    whose = {"user_id": trader.account.user_id, "account_id": trader.account.account_id}
    [(shortage, shares)] = await town.rooms.read_books.shortages(**whose)
    assert (shortage.asset, shortage.quantity, sum(shares.values())) == ("BTC", total / 4, total / 4)
    for position_id, share in shares.items():
        assert abs(share - held[position_id] / 4) <= D("1e-8"), "pro rata"
    paused = await town.rows("select distinct trading_paused from execution.positions")
    assert [row[0] for row in paused] == ["shortage:BTC"]
    with pytest.raises(PositionNotClosable):
        await town.rooms.make_close_plan.execute(user_id=trader.account.user_id, position_id=commands[0].position_id)
    page = await town.rooms.read_books.account(**whose)
    assert [row.quantity for row, _ in page.shortages] == [total / 4]

    log = [row for row in town.ledger(trader)["transaction_log"] if row["type"] == "TRANSFER_OUT"]
    since = datetime.now(UTC) - timedelta(minutes=5)
    await town.rooms.book.execute(VenueRecord(account=trader.account, flow_ids=[f"log:{log[0]['id']}"], since=since))
    for _ in range(2):
        ended, _shares = await town.rooms.resolve_shortage.execute(**whose, asset="BTC", how=ShortageAnswer.WITHDRAWN)
    assert ended.state.value == "resolved"
    assert await town.rooms.read_books.shortages(**whose) == []
    now = await holdings(town)
    balance = next(D(row["walletBalance"]) for row in town.ledger(trader)["balances"] if row["coin"] == "BTC")
    assert sum(now.values()) == balance, "books equal the account to the last digit"
    sums = await town.rows(
        "select ledger, sum(amount) as total from execution.journal where asset = 'BTC' group by ledger"
    )
    by_ledger = {row["ledger"]: row["total"] for row in sums}
    assert (by_ledger["position"], by_ledger["unassigned"]) == (balance, 0)
    assert sum(by_ledger.values()) == 0
    events = await town.rows("select subject from execution.outbox where subject like '%shortage_changed%'")
    assert len(events) == 2
    answers = await town.rows("select how, quantity from execution.shortage_answers")
    assert [tuple(row) for row in answers] == [("withdrawn", total / 4)]
    await town.rooms.make_close_plan.execute(user_id=trader.account.user_id, position_id=commands[0].position_id)


async def holdings(town: Any) -> dict[Any, D]:
    rows = await town.rows("select position_id, quantity from execution.holdings where asset = 'BTC'")
    return {row["position_id"]: row["quantity"] for row in rows}
