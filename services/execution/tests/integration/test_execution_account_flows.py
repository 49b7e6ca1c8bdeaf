"""The user trades by hand and moves coins at the real paper exchange: the books hold it once, on their own coins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from kit.by_hand import with_a_key_of_their_own

from execution.application.book_venue_record import VenueRecord

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
