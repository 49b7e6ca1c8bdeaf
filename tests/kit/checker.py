"""The checker: separate code that reads only the venue's ledger and our tables, and says what does not agree."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

ZERO = Decimal(0)


@dataclass
class Verdict:
    """What the checker found; no faults means the books and the venue agree to the last digit."""

    faults: list[str] = field(default_factory=list)
    legs: int = 0
    orders: int = 0
    fills: int = 0

    def expect(self, condition: bool, fault: str) -> None:
        """Note a fault unless the condition holds."""
        if not condition:
            self.faults.append(fault)


async def check_position(books: asyncpg.Connection[Any], ledger: dict[str, Any], position_id: UUID) -> Verdict:
    """Compare one position with the ledger of its account: bought exactly once, booked to the last digit.

    Args:
        books: A connection that may read execution's tables past row-level security.
        ledger: `GET /paper/v1/ledger`: what the venue knows, with the venue's field names.
        position_id: The position; the account must hold nothing else that we bought.
    """
    verdict = Verdict()
    legs = await books.fetch("select * from execution.legs where position_id = $1 order by number", position_id)
    fills = await books.fetch("select * from execution.fills where position_id = $1", position_id)
    attempts = await books.fetch("select * from execution.attempts where position_id = $1", position_id)
    verdict.legs, verdict.fills = len(legs), len(fills)
    _orders_match_attempts(verdict, ledger["orders"], attempts)
    _bought_at_most_once(verdict, ledger["executions"], legs)
    _fills_match_executions(verdict, ledger["executions"], fills)
    _balances_match(verdict, ledger["balances"], fills)
    return verdict


def _orders_match_attempts(verdict: Verdict, orders: list[dict[str, Any]], attempts: list[asyncpg.Record]) -> None:
    ours = {row["client_order_id"] for row in attempts}
    theirs = [order["orderLinkId"] for order in orders]
    verdict.orders = len(theirs)
    verdict.expect(len(theirs) == len(set(theirs)), "a client order id stands twice at the venue")
    for link in set(theirs) - ours:
        verdict.faults.append(f"the venue has an order that our books lack: {link}")


def _bought_at_most_once(verdict: Verdict, executions: list[dict[str, Any]], legs: list[asyncpg.Record]) -> None:
    bought: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for execution in executions:
        if execution["side"] == "Buy":
            bought[execution["symbol"]] += Decimal(execution["execQty"])
    for leg in legs:
        symbol, wanted = leg["symbol"], leg["quantity"]
        verdict.expect(
            bought[symbol] <= wanted, f"{symbol}: the venue executed {bought[symbol]}, only {wanted} was intended"
        )
        verdict.expect(
            bought[symbol] == leg["filled_quantity"],
            f"{symbol}: the venue executed {bought[symbol]}, the leg says {leg['filled_quantity']}",
        )


def _fills_match_executions(verdict: Verdict, executions: list[dict[str, Any]], fills: list[asyncpg.Record]) -> None:
    theirs = {row["execId"]: row for row in executions}
    ours = {row["exec_id"]: row for row in fills}
    verdict.expect(len(theirs) == len(executions), "the venue reports an execution id twice")
    verdict.expect(theirs.keys() == ours.keys(), f"execution ids differ: {sorted(theirs.keys() ^ ours.keys())}")
    for exec_id in theirs.keys() & ours.keys():
        row, fill = theirs[exec_id], ours[exec_id]
        for field_name, column in (("execQty", "quantity"), ("execPrice", "price"), ("execFee", "fee")):
            verdict.expect(
                Decimal(row[field_name]) == fill[column],
                f"{exec_id}: {field_name} {row[field_name]} at the venue, {fill[column]} in our books",
            )
        verdict.expect(row["feeCurrency"] == fill["fee_asset"], f"{exec_id}: the fee coin differs")


def _balances_match(verdict: Verdict, balances: Any, fills: list[asyncpg.Record]) -> None:
    held = _held(balances)
    booked: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for fill in fills:
        base = fill["symbol"].removesuffix("USDT")
        sign = 1 if fill["side"] == "Buy" else -1
        booked[base] += sign * fill["quantity"]
        booked[fill["fee_asset"]] -= fill["fee"]
    for asset, quantity in booked.items():
        if asset != "USDT":
            verdict.expect(
                held.get(asset, ZERO) == quantity, f"{asset}: {held.get(asset, ZERO)} at the venue, {quantity} booked"
            )


def _held(balances: Any) -> dict[str, Decimal]:
    if isinstance(balances, dict):
        return {coin: Decimal(_amount(value)) for coin, value in balances.items()}
    return {row["coin"]: Decimal(row["walletBalance"]) for row in balances}


def _amount(value: Any) -> str:
    return str(value["walletBalance"] if isinstance(value, dict) else value)
