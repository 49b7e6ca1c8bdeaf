"""How a position's rebalancing stands."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from basketry_cli.views.numbers import percent

Json = dict[str, Any]
_DUE = {
    "index_changed": "its index has changed",
    "calendar": "it is the date",
    "drift": "weights have left their bands",
    "new_cash": "it has cash to invest",
}
_COLOURS = {"suggested": "yellow", "blocked": "red", "started": "green"}


def rebalancing_view(known: Json) -> RenderableType:
    """What was chosen, then what is due and what stands in the way."""
    rules = [
        f"bands {percent(known['absolute_band'])} absolute, {percent(known['relative_band'])} of the target",
        f"calendar {known['calendar']}",
        f"at most every {known['cooldown_hours']} h",
        *(["buys only"] if known["buy_only"] else []),
    ]
    head = Text.assemble("rebalancing ", (str(known["mode"]), "bold"), f"   {', '.join(rules)}")
    return Group(head, *rebalancing_lines(known))


def rebalancing_lines(known: Json) -> list[Text]:
    """What a person should know now; nothing when nothing is due."""
    state = str(known["state"])
    if state == "idle":
        return []
    why = _DUE.get(str(known.get("trigger")), "it is time")
    tail = f": {str(known['reason']).replace('_', ' ')}" if known.get("reason") else ""
    return [Text(f"! rebalance {state}, {why}{tail}", style=_COLOURS.get(state, ""))]
