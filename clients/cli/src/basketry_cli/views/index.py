"""Indices: constituents and weights, and who was left out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from basketry_cli.views.numbers import percent
from basketry_cli.views.sparkline import sparkline

Json = dict[str, Any]


def indices_table(indices: list[Json]) -> Table:
    """A line for each index."""
    table = Table("index", "name", "coins", "weighting", "as of", box=None, pad_edge=False)
    for one in indices:
        coins = len(one.get("constituents", []))
        table.add_row(
            str(one.get("index_id", "")),
            str(one.get("name", "")),
            str(coins),
            str(one.get("weighting", "")).replace("_", " "),
            str(one.get("as_of", ""))[:10],
        )
    return table


def index_table(index: Json) -> Group:
    """An index version: constituents and weights; what was never stored has no version."""
    version = f"version {index['version']}" if index.get("version") else "nothing is stored"
    title = f"{index.get('index_id', '')}  {index.get('name', '')}  {version}"
    table = Table("#", "coin", "weight", box=None, pad_edge=False)
    table.columns[2].justify = "right"
    for number, one in enumerate(index.get("constituents", []), start=1):
        table.add_row(str(number), str(one.get("symbol") or one.get("asset")), percent(one.get("weight")))
    return Group(Text(title, style="bold"), table)


def left_out_table(exclusions: list[Json]) -> Table:
    """Who is not in it though its rank is high enough, and why."""
    table = Table("rank", "left out", "because", box=None, pad_edge=False)
    table.columns[0].justify = "right"
    for one in exclusions:
        rank = str(one["rank"]) if one.get("rank") else ""
        table.add_row(rank, str(one["asset"]), str(one["reason"]).replace("_", " "))
    return table


def changes_table(diff: Json) -> Group:
    """What changed between two versions."""
    title = f"{diff['index_id']} version {diff['from_version']} → {diff['to_version']}, {percent(diff['turnover'])} turnover"
    table = Table("coin", "", "before", "after", "because", box=None, pad_edge=False)
    for one in diff["changes"]:
        weights = ["" if one[when] is None else percent(one[when]) for when in ("before", "after")]
        table.add_row(str(one["asset"]), str(one["change"]), *weights, str(one["reason"]).replace("_", " "))
    return Group(Text(title, style="bold"), table)


def level_line(points: list[Json]) -> Text:
    """How the index went since its first version, at 1000."""
    if not points:
        return Text("")
    levels = [Decimal(str(point["level"])) for point in points]
    return Text(f"level {levels[-1]:.2f} (1000 at its first version)  {sparkline(levels, width=32)}")
