"""The books of an account against the venue's ledger, to the last digit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from kit.stage import Customer, Stage

ZERO = Decimal(0)
OPENING = Decimal(10_000)
"""USDT that every paper account begins with."""
Rows = Callable[..., Awaitable[Iterable[Mapping[str, Any]]]]


async def books_equal_the_ledger(town: Any, trader: Any) -> None:
    """Of one desk's account."""
    await _equal(town.ledger(trader), trader.account.account_id, town.rows)


async def customers_books_equal_the_ledger(stage: Stage, customer: Customer) -> None:
    """Of a customer of the running platform, whose orders are all at rest."""
    ledger = await stage.ledger(customer.uid)
    books = await stage.books()
    try:
        async with books.transaction(isolation="repeatable_read", readonly=True):
            await _equal(ledger, customer.account_id, books.fetch)
    finally:
        await books.close()


async def _equal(ledger: Mapping[str, Any], account_id: UUID, rows: Rows) -> None:
    """Every match is booked once, every entry sums to zero, holdings and journal say the same, and positions and own
    coins together are the venue's balances.
    """
    theirs = {row["execId"]: (Decimal(row["execQty"]), Decimal(row["execPrice"])) for row in ledger["executions"]}
    fills = await rows("select exec_id, quantity, price from execution.fills where account_id = $1", account_id)
    assert {row["exec_id"]: (row["quantity"], row["price"]) for row in fills} == theirs
    booked: dict[str, Decimal] = defaultdict(Decimal)
    positions: dict[str, Decimal] = defaultdict(Decimal)
    for row in await rows(
        "select ledger, asset, amount from execution.journal "
        "where account_id = $1 and ledger in ('position', 'unassigned')",
        account_id,
    ):
        booked[row["asset"]] += row["amount"]
        positions[row["asset"]] += row["amount"] if row["ledger"] == "position" else ZERO
    balances = {row["coin"]: Decimal(row["walletBalance"]) for row in ledger["balances"]}
    # What was there before our first order is booked once it is found.
    found = await rows(
        "select amount from execution.account_flows where account_id = $1 and asset = 'USDT'", account_id
    )
    balances["USDT"] -= OPENING - sum((row["amount"] for row in found), ZERO)
    assert _there(booked) == _there(balances)
    del positions["USDT"]
    held: dict[str, Decimal] = defaultdict(Decimal)
    for row in await rows("select asset, quantity from execution.holdings where account_id = $1", account_id):
        held[row["asset"]] += row["quantity"]
    assert _there(held) == _there(positions)
    assert list(await rows("select source from execution.journal group by source, asset having sum(amount) <> 0")) == []
    links = [order["orderLinkId"] for order in ledger["orders"] if order["orderLinkId"]]
    assert len(links) == len(set(links)), "no order was sent twice"


def _there(amounts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {coin: amount for coin, amount in amounts.items() if amount}
