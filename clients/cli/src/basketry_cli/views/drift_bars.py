"""How far each coin is from its target: a bar to the left when there is too little, to the right when too much."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rich.table import Table
from rich.text import Text

from basketry_cli.views.numbers import number, percent, points

HALF = 10
"""Blocks on each side of the middle."""
NARROWEST = Decimal("0.005")
"""Half a percentage point fills a side at least, so that noise does not look like drift."""
_PARTS = " ▏▎▍▌▋▊▉█"


def drift_bars(holdings: list[dict[str, Any]], *, deviating: bool = False) -> Table:
    """A line for each coin: weight now, target, and the difference in percentage points."""
    table = Table("coin", "now", "target", "drift", "points", box=None, pad_edge=False)
    for column in (1, 2, 4):
        table.columns[column].justify = "right"
    widest = max([NARROWEST, *(abs(number(one.get("drift"))) for one in holdings)])
    for one in sorted(holdings, key=lambda one: -number(one.get("target_weight"))):
        drift = number(one.get("drift"))
        table.add_row(
            str(one.get("symbol") or one.get("asset")),
            percent(one.get("weight")),
            percent(one.get("target_weight")),
            drift_bar(drift, widest=widest, style="yellow" if deviating else "cyan"),
            points(drift),
        )
    return table


def drift_bar(drift: Decimal, *, widest: Decimal, style: str = "cyan") -> Text:
    """Signed, on a scale on which `widest` fills one side."""
    eighths = min(HALF * 8, int(abs(drift) / widest * HALF * 8 + Decimal("0.5"))) if widest else 0
    full, part = divmod(eighths, 8)
    if drift < 0:
        # There are no blocks that begin at the right: whole ones only, and one for anything that can be seen.
        left, right = "█" * (full + (part >= 4)), ""
    else:
        left, right = "", "█" * full + (_PARTS[part] if part else "")
    return Text.assemble((left.rjust(HALF)[-HALF:], style), "│", (right.ljust(HALF), style))
