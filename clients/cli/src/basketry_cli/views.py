"""Tables for people: indices, plans, positions and legs, with the API's exact decimals."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

Json = dict[str, Any]
_COLOURS = {
    "FILLED": "green",
    "PARTIALLY_FILLED": "yellow",
    "OPEN": "yellow",
    "SUBMITTED": "yellow",
    "UNKNOWN": "magenta",
    "NEEDS_ATTENTION": "magenta",
    "REJECTED": "red",
    "CANCELLED": "red",
    "SKIPPED": "dim",
}
_SETTLED = {"FILLED", "CANCELLED", "REJECTED", "SKIPPED", "NEEDS_ATTENTION"}


def percent(fraction: object, digits: int = 2) -> str:
    """A fraction as a percentage, for reading only."""
    return f"{Decimal(str(fraction or 0)) * 100:.{digits}f} %"


def money(amount: object) -> str:
    """Quote units with two digits, for reading only."""
    return f"{Decimal(str(amount or 0)):,.2f}"


def index_table(index: Json) -> Table:
    """An index version: constituents and weights."""
    table = Table("#", "coin", "weight", title=f"{index.get('index_id', index.get('id', ''))}", title_justify="left")
    for number, one in enumerate(index.get("constituents", []), start=1):
        table.add_row(str(number), str(one.get("symbol") or one.get("asset")), percent(one.get("weight")))
    return table


def plan_table(plan: Json) -> Table:
    """What a plan would send."""
    table = Table("coin", "weight", "quantity", "price", "amount", "", title="plan", title_justify="left")
    for leg in plan.get("legs", []):
        table.add_row(
            str(leg["symbol"]),
            percent(leg.get("target_weight")),
            str(leg["quantity"]),
            str(leg["estimated_price"]),
            money(leg["notional"]),
            "" if leg.get("check") == "ok" else str(leg.get("check")),
        )
    return table


def position_panel(position: Json) -> RenderableType:
    """A position's legs with a progress bar and its value."""
    legs = position.get("legs", [])
    settled = sum(leg["status"] in _SETTLED for leg in legs)
    table = Table("coin", "target", "quantity", "filled", "price", "fee", "status", box=None, pad_edge=False)
    for leg in legs:
        colour = _COLOURS.get(leg["status"], "")
        fee = f"{leg['fee']} {leg['fee_asset']}" if leg.get("fee_asset") else ""
        table.add_row(
            str(leg["symbol"]),
            percent(leg.get("target_weight")),
            str(leg["quantity"]),
            str(leg["filled_quantity"]),
            str(leg.get("average_price") or ""),
            fee,
            Text(leg["status"], style=colour),
        )
    head = Text.assemble("position ", str(position.get("position_id", "")), "  ", (str(position["status"]), "bold"))
    progress = Table.grid(padding=(0, 1))
    progress.add_row(
        ProgressBar(total=max(1, len(legs)), completed=settled, width=60), f"{settled} of {len(legs)} legs"
    )
    return Group(head, progress, table, pnl_line(position.get("pnl") or position.get("value") or {}))


def pnl_line(pnl: object) -> Text:
    """Value and profit in one line."""
    if not isinstance(pnl, dict) or "value" not in pnl:
        return Text("waiting for the first valuation", style="dim")
    profit = Decimal(str(pnl.get("pnl", "0")))
    style = "green" if profit >= 0 else "red"
    cost = Decimal(str(pnl.get("cost", "0")))
    share = f" ({profit / cost * 100:+.3f} %)" if cost else ""
    return Text.assemble(
        "value ",
        (money(pnl["value"]), "bold"),
        f" {pnl.get('currency', 'USDT')}   P&L ",
        (f"{profit:+.4f}{share}", style),
    )


def positions_table(positions: list[Json]) -> Table:
    """All positions, a line each."""
    table = Table("position", "index", "status", "invested")
    for one in positions:
        table.add_row(str(one["position_id"]), str(one["index_id"]), str(one["status"]), money(one.get("invested")))
    return table
