"""What happened, what moved at an account beside our orders, and what is missing there."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from basketry_cli.views.mode import badge
from basketry_cli.views.numbers import clock_time, short

Json = dict[str, Any]
_KINDS = {
    "trade": "traded by you",
    "transfer_in": "came in",
    "transfer_out": "went out",
    "interest": "interest",
    "conversion": "converted",
    "airdrop": "given by the venue",
    "earn": "savings product",
}
_ANSWERS = {"sold": "booked as sold", "withdrawn": "booked as taken out", "will_return": "will come back, you said"}


def activity_view(lines: list[Json]) -> RenderableType:
    """A sentence for each thing that happened."""
    if not lines:
        return Text("Nothing has happened yet.")
    table = Table.grid(padding=(0, 2))
    for line in lines:
        table.add_row(Text(_moment(line["at"]), style="dim"), Text(str(line["sentence"])))
    return table


def flows_view(account: Json, flows: list[Json]) -> RenderableType:
    """A line for each movement: what came is above zero."""
    head = Text.assemble(badge(account), f" {account['label']}: beside our orders; all of it is yours, no position's")
    if not flows:
        return Group(head, Text("Nothing has moved. It is looked at from the first order on."))
    table = Table("when (UTC)", "what", "amount", "for", "fee", box=None, pad_edge=False)
    table.columns[2].justify = table.columns[3].justify = table.columns[4].justify = "right"
    for flow in flows:
        kind = _KINDS.get(str(flow["kind"]), str(flow["kind"]))
        paid = f"{_signed(flow['counter_amount'])} {flow['counter_asset']}" if flow.get("counter_asset") else "–"
        fee = f"{flow['fee']} {flow['fee_asset']}" if flow.get("fee_asset") else "–"
        table.add_row(_moment(flow["at"]), kind, f"{_signed(flow['amount'])} {flow['asset']}", paid, fee)
    return Group(head, table)


def shortages_view(shortages: list[Json]) -> RenderableType:
    """A sentence for each coin that is missing or was, with what to do about it."""
    if not shortages:
        return Text("No coins are missing.", style="green")
    return Group(*(part for one in shortages for part in _shortage(one)))


def shortage_sentence(shortage: Json) -> str:
    """How much of what is missing where, and who bears it."""
    shares = ", ".join(f"{short(one['position_id'])} {one['quantity']}" for one in shortage["shares"])
    bears = f" (positions: {shares})" if shares else ""
    where = f"account {short(shortage['account_id'])}"
    return f"{shortage['quantity']} {shortage['asset']} missing on {where} since {_moment(shortage['found_at'])} UTC{bears}."


def _shortage(shortage: Json) -> list[Text]:
    asset, state = shortage["asset"], shortage["state"]
    if state == "resolved":
        how = _ANSWERS.get(str(shortage.get("how")), "found again")
        return [Text(f"✓ {shortage_sentence(shortage)}"), Text(f"  over: {how}.", style="dim")]
    said = "  They will come back, you said; until then" if state == "waiting" else "  Until you say what happened,"
    return [
        Text(f"! {shortage_sentence(shortage)}", style="yellow"),
        Text(f"{said} these positions sell none of it and trade nothing by themselves."),
        Text(f"  ./basketry shortages {asset} --how sold (or withdrawn, will_return)", style="dim"),
    ]


def _signed(amount: object) -> str:
    text = str(amount)
    return text if text.startswith("-") else f"+{text}"


def _moment(at: object) -> str:
    return f"{str(at)[:10]} {clock_time(at)}"
