"""A customer's day: sign up, look, buy ten coins with one order, watch, resume the stream, sell."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from kit.checker import check_position
from kit.feed import Feed, listening, listening_by_socket
from kit.stage import Stage

from shared.testing import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration, pytest.mark.timeout(180)]


def held(ledger: dict[str, Any]) -> dict[str, Decimal]:
    return {row["coin"]: Decimal(row["walletBalance"]) for row in ledger["balances"]}


async def test_ten_coins_are_bought_valued_and_sold_again(stage: Stage) -> None:
    customer = await stage.customer()
    async with listening(customer.client) as feed:
        position_id = await customer.buys("top-10", "1000")
        position = await customer.settled(position_id)
        assert (position["status"], position["complete"]) == ("ACTIVE", True)
        assert [leg["status"] for leg in position["legs"]] == ["FILLED"] * 10
        assert sum(Decimal(leg["target_weight"]) for leg in position["legs"]) == 1
        assert Decimal(position["invested"]) <= 1000

        ledger = await stage.ledger(customer.uid)
        values = await eventually(
            lambda: three_different(whole(feed.of("pnl_updated"), ledger)),
            timeout_s=60,
            because="prices move and the P&L follows",
        )
        recomputed_from_the_ledger(values[-1], ledger)
        await feed.wait_for("leg_filled", number=10)
        await feed.wait_for("position_active")
        counts = feed.counts()
        assert counts["position_executing"] == counts["position_active"] == 1
        assert counts["leg_filled"] == 10
        seen = feed.events[-1].id

    await customer.client.close_position(str(position_id))
    async with (
        listening(customer.client, last_event_id=seen) as feed,
        listening_by_socket(customer.client, last_event_id=seen) as socket,
    ):
        await feed.wait_for("position_closed")
        await socket.wait_for("position_closed")
        assert until_closed(socket) == until_closed(feed), "a socket tells the same, with the same ids"
        assert feed.counts()["position_closing"] == 1, "the stream resumes where it ended"
        assert feed.counts()["position_executing"] == 0, "nothing comes twice"
        await feed.wait_for("leg_filled", number=10)
        assert feed.counts()["leg_filled"] == 10, "a sold leg is told once"

    closed = await customer.closed(position_id)
    books = await stage.books()
    try:
        ledger = await stage.ledger(customer.uid)
        journal = await books.fetch(
            "select asset, sum(amount) as total from execution.journal where account_id = $1 group by asset",
            customer.account_id,
        )
    finally:
        await books.close()
    assert all(row["total"] == 0 for row in journal), "double entry: every asset sums to zero"
    spent = Decimal(closed["invested"]) - Decimal(closed["proceeds"])
    assert held(ledger)["USDT"] == Decimal(10_000) - spent, "our books say what the venue says, to the last digit"


def until_closed(feed: Feed) -> list[tuple[str, str, str]]:
    told = [(event.id, event.type, event.data) for event in feed.events]
    return told[: [kind for _, kind, _ in told].index("position_closed") + 1]


def three_different(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return values if len({value["value"] for value in values}) >= 3 else []


def whole(values: list[dict[str, Any]], ledger: dict[str, Any]) -> list[dict[str, Any]]:
    """Those told when everything was booked: while a purchase is under way a part of it has a value as well."""
    paid = sum(Decimal(row["execQty"]) * Decimal(row["execPrice"]) for row in ledger["executions"])
    return [value for value in values if Decimal(value["cost"]) == paid]


def recomputed_from_the_ledger(event: dict[str, Any], ledger: dict[str, Any]) -> None:
    """The event's figures from the venue's executions and the event's own marks, by separate arithmetic."""
    marks = {holding["asset"]: Decimal(holding["mark"]) for holding in event["holdings"]}
    quantities = {asset: Decimal(0) for asset in marks}
    paid = Decimal(0)
    for row in ledger["executions"]:
        asset = row["symbol"].removesuffix("USDT")
        assert (row["side"], row["feeCurrency"]) == ("Buy", asset)
        quantities[asset] += Decimal(row["execQty"]) - Decimal(row["execFee"])
        paid += Decimal(row["execQty"]) * Decimal(row["execPrice"])
    value = sum((quantities[asset] * marks[asset] for asset in marks), Decimal(0))
    assert Decimal(event["value"]) == value
    assert Decimal(event["cost"]) == paid
    assert Decimal(event["unrealised"]) == value - paid
    assert Decimal(event["pnl"]) == Decimal(event["realised"]) + Decimal(event["unrealised"])


async def test_the_books_agree_with_the_venue_to_the_last_digit(stage: Stage) -> None:
    customer = await stage.customer()
    position_id = await customer.buys("top-5", "777.77")
    await customer.settled(position_id)
    books = await stage.books()
    try:
        verdict = await check_position(books, await stage.ledger(customer.uid), position_id)
    finally:
        await books.close()
    assert verdict.faults == []
    assert verdict.orders == 5
