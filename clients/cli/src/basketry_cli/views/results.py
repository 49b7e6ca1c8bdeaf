"""What positions came to: returns, what else the same time did, what it cost, and which coins it came from."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from basketry_cli.views.mode import badge
from basketry_cli.views.numbers import gain, money, number, short
from basketry_cli.views.sparkline import sparkline

Json = dict[str, Any]
WIDTH = 24


def results_view(performance: Json, position: Json) -> RenderableType:
    """One position."""
    name = f" position {short(position['position_id'])}  {position.get('index_id', '')}  {position['status']}"
    head = Text.assemble(badge(position), (name, "bold"))
    if not performance.get("totals"):
        return Group(head, Text("Nothing was bought yet: there are no results.", style="dim"))
    lines = comparison({**performance["returns"], **performance["benchmarks"]}, performance["points"])
    contributions = [contributions_table(performance["contributions"])] if performance["contributions"] else []
    return Group(
        head, *_figures(performance), *_sales(performance, position), Text(""), lines, Text(""), *contributions
    )


def portfolio_view(portfolio: Json) -> RenderableType:
    """All positions; play money and real money apart."""
    parts: list[RenderableType] = []
    for one in portfolio["environments"]:
        noun = "position" if one["positions"] == 1 else "positions"
        words = f" {one['positions']} {noun}, {one['open_positions']} of them open"
        head = Text.assemble(badge(one), (words, "bold"))
        parts += [head, *_figures(one), Text(""), comparison(one["returns"], one["points"]), Text("")]
    return Group(*parts) if parts else Text("Nothing was bought yet: there are no results.")


def comparison(returns: Json, points: list[Json]) -> Table:
    """Your line and those it is compared with, over the same time; what is not known for the whole of it is left out."""
    table = Table("return", "", "course", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for words, name, line in (
        ("yours", "time_weighted", "growth"),
        ("the index, without costs", "index", "index"),
        ("had you just held", "held", "held"),
        ("bitcoin", "bitcoin", "bitcoin"),
    ):
        if returns.get(name) is not None:
            table.add_row(words, signed(returns[name]), Text(_course(points, line), style="cyan"))
    return table


def contributions_table(contributions: list[Json]) -> Table:
    """Which coins the P&L came from, largest first; all of them together are the P&L."""
    table = Table("coin", "P&L", "sold", "held", "moved", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for one in sorted(contributions, key=lambda one: -number(one["total"])):
        parts = [f"{number(one[part]):+,.4f}" for part in ("realised", "unrealised", "moved")]
        table.add_row(str(one["asset"]) or "dust", gain(one["total"], digits=4), *parts)
    return table


def signed(fraction: object) -> str:
    """A return with its sign; a dash where there is none."""
    return "–" if fraction is None else f"{number(fraction) * 100:+.2f} %"


def _figures(found: Json) -> list[RenderableType]:
    totals, returns, currency = found["totals"], found["returns"], found.get("currency", "USDT")
    rows: list[tuple[str, str | Text]] = [
        ("paid in", f"{money(totals['paid_in'])} {currency}, {money(totals['taken_out'])} taken out"),
        ("fees", f"{money(totals['fees'])} {currency}, inside the P&L"),
        ("slippage", _slippage(totals["slippage"], currency)),
        ("in this time", Text.assemble(gain(found.get("gain"), digits=4), f"  {_span(returns)}")),
        ("your money", f"{signed(returns.get('money_weighted'))}{_annual(returns)}, money-weighted"),
        ("deepest fall", signed(returns.get("max_drawdown"))),
    ]
    grid = Table.grid(padding=(0, 2))
    for name, words in rows:
        grid.add_row(Text(name, style="dim"), words)
    profit = gain(totals["pnl"], totals["paid_in"], digits=4)
    return [Text.assemble("value ", (money(totals["value"]), "bold"), f" {currency}   P&L ", profit), grid]


def _sales(performance: Json, position: Json) -> list[Text]:
    """Why what was taken out is not what sales brought, where it is not."""
    brought = money(position.get("proceeds"))
    if position["status"] != "CLOSED" or brought == money(performance["totals"]["taken_out"]):
        return []
    words = f"Its sales brought {brought} USDT in all. Taken out is what left it: money that was paid out, its own cash too,"
    return [Text(f"{words} and coins that stayed yours, at their value then.", style="dim")]


def _slippage(found: Json, currency: str) -> str:
    bps = "" if found.get("bps") is None else f", {number(found['bps']):.1f} bp"
    return f"{money(found['cost'])} {currency} against the middle of the book{bps}"


def _annual(returns: Json) -> str:
    annual = returns.get("money_weighted_annual")
    return "" if annual is None else f" ({signed(annual)} a year)"


def _span(returns: Json) -> str:
    since, until = (str(returns.get(when) or "")[:16].replace("T", " ") for when in ("since", "until"))
    return f"{since} to {until} UTC" if since else ""


def _course(points: list[Json], name: str) -> str:
    values: list[Decimal] = [number(point[name]) for point in points if point.get(name) is not None]
    return sparkline(values, width=WIDTH)
