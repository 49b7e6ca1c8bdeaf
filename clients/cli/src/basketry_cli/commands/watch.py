"""`watch`: what you hold, live."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated

import typer

from basketry_cli.choosing import position_meant
from basketry_cli.course import Courses
from basketry_cli.exits import Exit
from basketry_cli.following import Following
from basketry_cli.gateway import GatewayClient, Json
from basketry_cli.live_table import LiveTable
from basketry_cli.options import AsJson, Gateway
from basketry_cli.terminal import Terminal
from basketry_cli.views.numbers import money, short
from basketry_cli.views.position import live_panel
from basketry_cli.views.positions import positions_view


def watch(
    position: Annotated[str, typer.Argument(help="The beginning of an id; all if left out.")] = "",
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """Your positions live, until Ctrl-C.

    With --json a line for each change.
    """
    terminal = Terminal(as_json=as_json)

    async def work(client: GatewayClient) -> Exit | None:
        chosen = str((await position_meant(client, position))["position_id"]) if position else ""
        await _watch(client, terminal, chosen)
        return None

    terminal.run_signed_in(gateway, work, interrupted=Exit.OK)


async def _watch(client: GatewayClient, terminal: Terminal, chosen: str) -> None:
    courses, following = Courses(), Following(client)
    told: dict[str, str] = {}
    await courses.load(client, await _now(client, chosen))
    async with aclosing(following.changes()) as changes:
        with LiveTable(terminal.out) as table:
            async for _ in changes:
                if not following.connected:
                    continue
                found = await _now(client, chosen)
                for one in found:
                    courses.see(one)
                if terminal.as_json:
                    _tell(terminal, found, told)
                    continue
                view = live_panel(found[0], courses.of(found[0])) if chosen else positions_view(found, courses.values)
                table.draw(view, turn=_turn(found), caption=f"live, {datetime.now(UTC):%H:%M:%S} UTC; Ctrl-C ends it")


async def _now(client: GatewayClient, chosen: str) -> list[Json]:
    return [await client.position(chosen)] if chosen else await client.positions()


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
