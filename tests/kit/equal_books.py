"""The books of an account against the venue's ledger, to the last digit."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any


async def books_equal_the_ledger(town: Any, trader: Any) -> None:
    """Every match of the venue is booked once, and what is booked equals its balances to the last digit."""
    ledger = town.ledger(trader)
    theirs = {row["execId"]: (Decimal(row["execQty"]), Decimal(row["execPrice"])) for row in ledger["executions"]}
    fills = await town.rows(
        "select exec_id, quantity, price from execution.fills where account_id = $1", trader.account.account_id
    )
    assert {row["exec_id"]: (row["quantity"], row["price"]) for row in fills} == theirs
    held: dict[str, Decimal] = defaultdict(Decimal)
    for row in await town.rows(
        "select asset, amount from execution.journal where account_id = $1 and ledger in ('position', 'unassigned')",
        trader.account.account_id,
    ):
        held[row["asset"]] += row["amount"]
    balances = {row["coin"]: Decimal(row["walletBalance"]) for row in ledger["balances"]}
    usdt = balances.pop("USDT") - Decimal(10000)
    assert held.pop("USDT", Decimal(0)) == usdt
    assert {coin: amount for coin, amount in held.items() if amount} == {c: a for c, a in balances.items() if a}
    sums = await town.rows(
        "select source, asset, sum(amount) from execution.journal group by source, asset having sum(amount) <> 0"
    )
    assert sums == []
