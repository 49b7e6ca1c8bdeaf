"""In which coin is the fee paid, and how exactly?"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from basketry_local.conformance.desk import ConformanceDesk, figure
from basketry_local.conformance.findings import Finding
from shared.trading.money import plain


async def balances(desk: ConformanceDesk) -> dict[str, Decimal]:
    """Wallet balances of the pair's two coins."""
    coins = f"{desk.rules.base_coin},{desk.rules.quote_coin}"
    answer = await desk.probe.get("/v5/account/wallet-balance", accountType="UNIFIED", coin=coins)
    held = answer.rows[0].get("coin", []) if answer.rows else []
    return {str(row["coin"]): figure(row.get("walletBalance")) for row in held}


def fee_finding(desk: ConformanceDesk, side: str, rows: list[dict[str, Any]]) -> Finding:
    """The fees of one order's matches against the rate that they name."""
    coin = desk.rules.base_coin if side == "Buy" else desk.rules.quote_coin
    evidence = [_match(row, side) for row in rows]
    coins = {str(row["fee_coin"]) for row in evidence}
    exact = all(row["difference"] == "0" for row in evidence)
    return Finding(
        name=f"fee_{side.lower()}",
        question=f"Which coin pays the fee of a {side.lower()}, and is it quantity (or value) × rate, unrounded?",
        assumed=f"{coin}, not rounded",
        said=f"{', '.join(sorted(coins)) or 'no match'}; {'exact' if exact else 'rounded, see the differences'}.",
        agrees=(coins == {coin} and exact) if rows else None,
        evidence=evidence,
    )


def balance_finding(
    desk: ConformanceDesk, before: dict[str, Decimal], after: dict[str, Decimal], rows: list[dict[str, Any]]
) -> Finding:
    """Whether the wallet moved by exactly what the matches say."""
    moved = _moves(desk, rows)
    coins = (desk.rules.base_coin, desk.rules.quote_coin)
    evidence = [
        {
            "coin": coin,
            "matches_say": plain(moved.get(coin, Decimal(0))),
            "wallet_says": plain(after.get(coin, Decimal(0)) - before.get(coin, Decimal(0))),
        }
        for coin in coins
    ]
    return Finding(
        name="wallet_follows_matches",
        question="Does the wallet change by exactly what the executions say, fee included?",
        assumed="to the last digit",
        said="Yes." if all(row["matches_say"] == row["wallet_says"] for row in evidence) else "No, see the figures.",
        agrees=all(row["matches_say"] == row["wallet_says"] for row in evidence),
        evidence=list(evidence),
    )


def _match(row: dict[str, Any], side: str) -> dict[str, Any]:
    quantity, price, fee = figure(row.get("execQty")), figure(row.get("execPrice")), figure(row.get("execFee"))
    exact = (quantity if side == "Buy" else quantity * price) * figure(row.get("feeRate"))
    return {
        "quantity": plain(quantity),
        "price": plain(price),
        "fee": plain(fee),
        "fee_coin": row.get("feeCurrency"),
        "fee_rate": row.get("feeRate"),
        "unrounded": plain(exact),
        "difference": plain(fee - exact),
        "maker": row.get("isMaker"),
    }


def _moves(desk: ConformanceDesk, rows: list[dict[str, Any]]) -> dict[str, Decimal]:
    moved: dict[str, Decimal] = {}
    for row in rows:
        sign = 1 if row.get("side") == "Buy" else -1
        quantity, value = figure(row.get("execQty")), figure(row.get("execQty")) * figure(row.get("execPrice"))
        for coin, change in (
            (desk.rules.base_coin, sign * quantity),
            (desk.rules.quote_coin, -sign * value),
            (str(row.get("feeCurrency")), -figure(row.get("execFee"))),
        ):
            moved[coin] = moved.get(coin, Decimal(0)) + change
    return moved
