"""Connected accounts: where they trade, what their keys may do, and how long they live."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from basketry_cli.views.mode import badge
from basketry_cli.views.numbers import clock_time, short

Json = dict[str, Any]
SOON_DAYS = 14


def keys_view(keys: list[Json]) -> RenderableType:
    """A line for each, the newest first."""
    if not keys:
        return Text("No account yet: ./basketry keys --paper more opens one with play money, --add connects your own.")
    table = Table("", "id", "label", "key", "status", "addresses", "days left", box=None, pad_edge=False)
    for key in keys:
        table.add_row(badge(key), short(key["key_id"]), str(key["label"]), str(key["hint"]), *_facts(key))
    warned = [Text(f"! {key['label']}: {_words(one)}", style="yellow") for key in keys for one in key["warnings"]]
    return Group(table, *warned)


def key_view(key: Json) -> RenderableType:
    """Everything that is known of one."""
    status, addresses, days = _facts(key)
    rights = "; ".join(f"{group}: {', '.join(names)}" for group, names in sorted(key["permissions"].items()) if names)
    used = (
        f"{str(key['last_used_at'])[:10]} {clock_time(key['last_used_at'])} UTC" if key.get("last_used_at") else "never"
    )
    rows = [
        ("key", Text(str(key["hint"]))),
        ("status", status),
        ("rights", Text(("read only; " if key["read_only"] else "") + (rights or "none"))),
        ("addresses", addresses),
        ("days left", days),
        ("account", Text(f"{key['venue_uid']} at the venue")),
        ("checked", Text(f"{str(key['checked_at'])[:10]} {clock_time(key['checked_at'])} UTC")),
        ("last used", Text(used)),
    ]
    grid = Table.grid(padding=(0, 2))
    for name, value in rows:
        grid.add_row(Text(name, style="dim"), value)
    head = Text.assemble(badge(key), " ", (str(key["label"]), "bold"), f"  account {key['key_id']}")
    return Group(head, grid, *(Text(f"! {_words(one)}", style="yellow") for one in key["warnings"]))


def _facts(key: Json) -> tuple[Text, Text, Text]:
    active = key["status"] == "active"
    why = f": {_words(key['status_reason'])}" if key.get("status_reason") else ""
    status = Text("✓ active" if active else f"✗ {key['status']}{why}", style="green" if active else "red")
    bound = Text(", ".join(key["ips"])) if key["ips"] else Text("any", style="yellow")
    days = key.get("days_left")
    left = Text("–") if days is None else Text(str(days), style="yellow" if int(days) <= SOON_DAYS else "")
    return status, bound, left


def _words(code: object) -> str:
    return str(code).replace("_", " ")
