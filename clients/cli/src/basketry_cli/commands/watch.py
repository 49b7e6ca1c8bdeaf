"""`watch`: what you hold, live."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Annotated

import httpx
import typer
from rich.console import Group, RenderableType
from rich.text import Text

from basketry_cli.choosing import position_meant
from basketry_cli.course import Courses
from basketry_cli.exits import Exit
from basketry_cli.following import Following
from basketry_cli.gateway import GatewayClient, Json
from basketry_cli.live_table import LiveTable
from basketry_cli.naming import IndexNames
from basketry_cli.options import AsJson, Gateway
from basketry_cli.problems import ApiProblem
from basketry_cli.terminal import Terminal
from basketry_cli.views.numbers import money, short
from basketry_cli.views.position import live_panel
from basketry_cli.views.positions import positions_view

LOOK_S = 1.0
LOST_AFTER = timedelta(seconds=2)
"""A stream also ends with its access token, and is open again at once: that is no loss."""


def watch(
    position: Annotated[str, typer.Argument(help="The beginning of an id; all if left out.")] = "",
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """Your positions live, until Ctrl-C.

    When the gateway is away, the last line says since when, and it goes on as soon as the gateway is back. With --json
    a line for each change.
    """
    terminal = Terminal(as_json=as_json)

    async def work(client: GatewayClient) -> Exit | None:
        chosen = str((await position_meant(client, position))["position_id"]) if position else ""
        await _watch(client, terminal, chosen)
        return None

    terminal.run_signed_in(gateway, work, interrupted=Exit.OK)


async def _watch(client: GatewayClient, terminal: Terminal, chosen: str) -> None:
    courses, following, names = Courses(), Following(client), None if terminal.as_json else IndexNames()
    told: dict[str, str] = {}
    shown = await _now(client, chosen, names)
    await courses.load(client, shown)
    old, failed_at = True, datetime.now(UTC)
    async with aclosing(following.changes(every_s=LOOK_S)) as changes:
        with LiveTable(terminal.out) as table:
            async for lot in changes:
                if following.connected and (lot or old):
                    try:
                        shown = await _now(client, chosen, names)
                    except (httpx.HTTPError, ApiProblem) as failure:
                        if not _passes(failure):
                            raise
                        failed_at, old = failed_at if old else datetime.now(UTC), True
                    else:
                        old = False
                        _seen(terminal, table, shown, courses, told, chosen)
                elif not following.connected:
                    failed_at, old = following.lost_at or failed_at, True
                if old and datetime.now(UTC) - failed_at >= LOST_AFTER:
                    _lost(terminal, table, _view(shown, courses, chosen), failed_at, told)


def _passes(failure: httpx.HTTPError | ApiProblem) -> bool:
    """Whether it may be another answer in a moment."""
    return isinstance(failure, httpx.HTTPError) or failure.status >= 500 or failure.status == 429


def _view(shown: list[Json], courses: Courses, chosen: str) -> RenderableType:
    return live_panel(shown[0], courses.of(shown[0])) if chosen else positions_view(shown, courses.values)


def _seen(
    terminal: Terminal, table: LiveTable, shown: list[Json], courses: Courses, told: dict[str, str], chosen: str
) -> None:
    """What is so now."""
    for one in shown:
        courses.see(one)
    if terminal.as_json:
        _tell(terminal, shown, told)
        return
    caption = f"live, {datetime.now(UTC):%H:%M:%S} UTC; Ctrl-C ends it"
    table.draw(_view(shown, courses, chosen), turn=_turn(shown), caption=caption)


def _lost(terminal: Terminal, table: LiveTable, view: RenderableType, at: datetime, told: dict[str, str]) -> None:
    """What was so when the connection was lost; it stays on the screen that way if the user leaves now."""
    words = f"connection lost at {at:%H:%M:%S} UTC, trying again; values are of then"
    if not terminal.as_json:
        table.draw(Group(view, Text(words, style="yellow")), turn=words, caption="Ctrl-C ends it")
    elif told.get("") != words:
        told[""] = words
        terminal.remark({"connection": "lost", "at": at.isoformat()})


async def _now(client: GatewayClient, chosen: str, names: IndexNames | None) -> list[Json]:
    found = [await client.position(chosen)] if chosen else await client.positions()
    if names is None:  # programs read ids
        return found
    await names.learn(client, found)
    return [names.named(one) for one in found]


def _tell(terminal: Terminal, positions: list[Json], told: dict[str, str]) -> None:
    """Programs hear of a position when it has changed."""
    for one in positions:
        state = f"{one['version']} {(one.get('pnl') or {}).get('version')} {one['status']}"
        if told.get(str(one["position_id"])) != state:
            told[str(one["position_id"])] = state
            terminal.line(one)


def _turn(positions: list[Json]) -> str:
    """For those who see no pictures: a line when something changed."""
    states = [
        f"{short(one['position_id'])} {one['status']} {money((one.get('pnl') or {}).get('value'))}" for one in positions
    ]
    return "  ".join(states) or "no positions yet"
