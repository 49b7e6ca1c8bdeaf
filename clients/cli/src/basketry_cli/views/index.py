"""Indices: constituents and weights, and who was left out."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from basketry_cli.views.numbers import percent

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


def index_table(index: Json) -> Table:
    """An index version: constituents and weights."""
    title = f"{index.get('index_id', '')} version {index.get('version', '')}"
    table = Table("#", "coin", "weight", title=title, title_justify="left", box=None, pad_edge=False)
    table.columns[2].justify = "right"
    for number, one in enumerate(index.get("constituents", []), start=1):
        table.add_row(str(number), str(one.get("symbol") or one.get("asset")), percent(one.get("weight")))
    return table
