"""A position: its legs while they trade, its value, and its drift."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from basketry_cli.views.drift_bars import drift_bars
from basketry_cli.views.mode import badge
from basketry_cli.views.numbers import gain, money, number, percent, unvalued, worth
from basketry_cli.views.rebalancing import rebalancing_lines
from basketry_cli.views.sparkline import sparkline

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
TRADING = {"PENDING", "EXECUTING", "REBALANCING", "CLOSING"}
"""Statuses in which a run is under way."""
SOLD_LINE = Text("value 0.00 USDT   the P&L follows with the next valuation", style="dim")


def position_panel(position: Json) -> RenderableType:
    """A position's legs with a progress bar and its value."""
    legs = newest_run(position.get("legs", []))
    settled = sum(leg["status"] in _SETTLED for leg in legs)
    named = f" position {position.get('position_id', '')}  {position.get('index_id', '')}  "
    head = Text.assemble(badge(position), named, (str(position["status"]), "bold"))
    progress = Table.grid(padding=(0, 1))
    progress.add_row(
        ProgressBar(total=max(1, len(legs)), completed=settled, width=40), f"{settled} of {len(legs)} legs"
    )
    return Group(
        head,
        progress,
        legs_table(legs),
        *_reasons(position),
        SOLD_LINE if unvalued(position) else pnl_line(position.get("pnl") or position.get("value") or {}),
    )


def live_panel(position: Json, values: Sequence[Decimal] = ()) -> RenderableType:
    """A position while it is watched: its legs while they trade, its coins and their drift after that."""
    if position["status"] in TRADING or unvalued(position) or not (position.get("pnl") or {}).get("holdings"):
        return position_panel(position)
    return detail_panel(position, values)


def detail_panel(position: Json, values: Sequence[Decimal] = ()) -> RenderableType:
    """A position that stands: value, line of its values, drift of each coin."""
    pnl = position.get("pnl") or {}
    drift = position.get("drift") or {}
    deviating, unpriced = bool(drift.get("deviating")), ", ".join(drift.get("waiting_for") or [])
    head = Text.assemble(
        badge(position),
        f" position {position.get('position_id', '')}  {position.get('index_id', '')}  ",
        (str(position["status"]), "bold"),
        ("  out of its band", "yellow") if deviating else "",
        (f"  no fresh price: {unpriced}", "yellow") if unpriced else "",
    )
    line = Text.assemble(pnl_line(pnl), "  ", (sparkline(values, width=24), "cyan"))
    over = position["status"] in {"CLOSED", "FAILED"}  # what holds nothing is not away from a target
    bars = [drift_bars(pnl["holdings"], deviating=deviating)] if pnl.get("holdings") and not over else []
    return Group(head, line, *_reasons(position), *bars)


def newest_run(legs: list[Json]) -> list[Json]:
    """The legs of the run that began last: they come by run and number."""
    return [leg for leg in legs if leg.get("run_id") == legs[-1].get("run_id")] if legs else []


def legs_table(legs: list[Json]) -> Table:
    """What became of each leg."""
    names = ("coin", "target", "quantity", "filled", "", "price", "fee", "status")
    table = Table(*names, box=None, pad_edge=False)
    for leg in legs:
        fee = f"{leg['fee']} {leg['fee_asset']}" if leg.get("fee_asset") else ""
        table.add_row(
            str(leg["symbol"]),
            percent(leg.get("target_weight")),
            str(leg["quantity"]),
            str(leg["filled_quantity"]),
            ProgressBar(total=1.0, completed=_filled(leg), width=6),
            str(leg.get("average_price") or ""),
            fee,
            Text.assemble((str(leg["status"]), _COLOURS.get(leg["status"], "")), (_why(leg), "dim")),
        )
    return table


def pnl_line(pnl: object) -> Text:
    """Value and profit in one line."""
    if not isinstance(pnl, dict) or "value" not in pnl:
        return Text("waiting for the first valuation", style="dim")
    return Text.assemble(
        "value ",
        (money(worth(pnl)), "bold"),
        f" {pnl.get('currency', 'USDT')}   P&L ",
        gain(pnl.get("pnl", "0"), pnl.get("cost", "0"), digits=4),
    )


def _filled(leg: Json) -> float:
    """The filled share, for drawing only."""
    quantity = number(leg["quantity"])
    return float(number(leg["filled_quantity"]) / quantity) if quantity else 0.0


def _why(leg: Json) -> str:
    return f" {str(leg['reason']).replace('_', ' ')}" if leg.get("reason") else ""


def _reasons(position: Json) -> list[Text]:
    told = [*position.get("reasons", []), *([position["blocked_reason"]] if position.get("blocked_reason") else [])]
    lines = [Text(f"! {str(reason).replace('_', ' ')}", style="yellow") for reason in told]
    return [*lines, *(rebalancing_lines(position["rebalancing"]) if position.get("rebalancing") else [])]
