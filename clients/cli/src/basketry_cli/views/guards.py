"""What protects the user's money from mistakes: limits, what is used of them, and what is halted."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from basketry_cli.views.mode import badge
from basketry_cli.views.numbers import clock_time, money, number

Json = dict[str, Any]
LIMITS = {
    "order_max": ("per coin, one order", "USDT"),
    "hour_max": ("bought in an hour", "USDT"),
    "day_max": ("bought in a day", "USDT"),
    "slippage_bps_max": ("worse price than shown", "bps"),
    "price_age_s_max": ("age of the price shown", "s"),
}
_USED = {"hour_max": "spent_hour", "day_max": "spent_day"}


def guards_view(guards: Json) -> RenderableType:
    """A line for each limit; below it what is halted."""
    table = Table("at most", "binds", "yours", "platform", "used", "", box=None, pad_edge=False)
    for column in table.columns[1:5]:
        column.justify = "right"
    for name, (words, unit) in LIMITS.items():
        used = guards[_USED[name]] if name in _USED else None
        amounts = [_amount(guards[whose][name], unit) for whose in ("limits", "own", "platform")]
        table.add_row(words, *amounts, _amount(used, unit) if used is not None else "", unit)
    head = Text.assemble(badge(guards), (" limits of what is bought; selling has none", "bold"))
    return Group(head, table, halts_view(guards["halts"]))


def halts_view(halts: list[Json]) -> RenderableType:
    """A sentence for each halt."""
    if not halts:
        return Text("Nothing is halted.", style="green")
    return Group(*(Text(f"! {halt_sentence(halt)}", style="yellow") for halt in halts))


def halt_sentence(halt: Json) -> str:
    """What does not happen because of it, where, since when, and who can lift it."""
    what = "Nothing is traded" if halt["extent"] == "all" else "Nothing is bought, selling goes on"
    symbol = f" of {halt['symbol']}" if halt.get("symbol") else ""
    where = badge(halt).plain.strip() if halt.get("environment") else "everywhere"
    reason = f": {halt['reason']}" if halt.get("reason") else ""
    who = "halted by the operator, who alone can release it" if halt["by_operator"] else "./basketry release lifts it"
    day = str(halt["raised_at"])[:10]
    return f"{what}{symbol} ({where}) since {day} {clock_time(halt['raised_at'])} UTC{reason}; {who}."


def _amount(value: object, unit: str) -> str:
    if value is None:
        return "–"
    return money(value) if unit == "USDT" else f"{number(value).normalize():f}"
