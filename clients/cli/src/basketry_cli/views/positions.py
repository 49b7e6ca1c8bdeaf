"""All positions, a line each, by mode: play money and real money are never added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from basketry_cli.views.drift_bars import drift_bars
from basketry_cli.views.mode import mode
from basketry_cli.views.numbers import gain, money, number, percent, short, unvalued, worth
from basketry_cli.views.position import TRADING
from basketry_cli.views.sparkline import sparkline

Json = dict[str, Any]
Values = Mapping[str, Sequence[Decimal]]
"""Position id → its values in order of time."""


def positions_view(positions: list[Json], values: Values, *, bars: bool = True) -> RenderableType:
    """A table for each mode with its total; below, the drift of each coin of what is held."""
    if not positions:
        return Text("No positions yet. ./basketry plan top-10 1000 shows what buying one would do.")
    parts: list[RenderableType] = []
    for name, group in groupby(sorted(positions, key=mode), key=mode):
        parts += _mode(name, list(group), values, bars=bars)
    return Group(*parts)


def _mode(name: str, positions: list[Json], values: Values, *, bars: bool) -> list[RenderableType]:
    held = [one for one in positions if one.get("pnl") and one["status"] not in {"CLOSED", "FAILED"}]
    parts: list[RenderableType] = [Text(name, style="bold"), positions_table(positions, values)]
    if held:
        value = sum((worth(one["pnl"]) for one in held), Decimal(0))
        profit = sum((number(one["pnl"]["pnl"]) for one in held), Decimal(0))
        cost = sum((number(one["pnl"]["cost"]) for one in held), Decimal(0))
        currency = held[0]["pnl"].get("currency", "USDT")
        parts.append(Text.assemble("held ", (money(value), "bold"), f" {currency}   P&L ", gain(profit, cost)))
    for one in held if bars else []:
        deviating = bool((one.get("drift") or {}).get("deviating"))
        parts += [Text(f"\n{short(one['position_id'])}  {one['index_id']}", style="bold")]
        parts += [drift_bars(one["pnl"]["holdings"], deviating=deviating)]
    return parts


def positions_table(positions: list[Json], values: Values) -> Table:
    """A line for each position."""
    table = Table("position", "index", "status", "value", "P&L", "drift", "course", box=None, pad_edge=False)
    table.columns[3].justify = "right"
    for one in positions:
        pnl, drift = one.get("pnl") or {}, one.get("drift") or {}
        table.add_row(
            short(one["position_id"]),
            Text(str(one["index_id"])),
            _status(one),
            money(0 if unvalued(one) else worth(pnl)) if pnl else "–",
            gain(pnl["pnl"], pnl.get("cost")) if pnl and not unvalued(one) else "–",
            _drift(drift),
            Text(sparkline(values.get(str(one["position_id"]), ())), style="cyan"),
        )
    return table


def _status(position: Json) -> Text:
    status = str(position["status"])
    style = "yellow" if status in TRADING else "red" if status == "FAILED" else "green" if status == "ACTIVE" else "dim"
    incomplete = " (incomplete)" if position.get("complete") is False and status == "ACTIVE" else ""
    return Text(status + incomplete, style=style)


def _drift(drift: Json) -> Text:
    if not drift:
        return Text("–", style="dim")
    words = percent(drift.get("max_abs_drift"))
    return Text(f"! {words}", style="yellow") if drift.get("deviating") else Text(words)
