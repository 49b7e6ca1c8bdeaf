"""`positions`: what you hold."""

from __future__ import annotations

from typing import Annotated

import typer

from basketry_cli.choosing import position_meant
from basketry_cli.course import Courses
from basketry_cli.exits import Exit
from basketry_cli.gateway import GatewayClient
from basketry_cli.naming import IndexNames
from basketry_cli.options import AsJson, Gateway
from basketry_cli.terminal import Terminal
from basketry_cli.views.position import live_panel
from basketry_cli.views.positions import positions_view


def positions(
    position: Annotated[str, typer.Argument(help="The beginning of an id; all if left out.")] = "",
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """Your positions with value, P&L, course and drift."""
    terminal = Terminal(as_json=as_json)

    async def work(client: GatewayClient) -> Exit | None:
        courses, names = Courses(), IndexNames()
        if position:
            one = await position_meant(client, position)
            if not terminal.as_json:
                await courses.load(client, [one])
                await names.learn(client, [one])
            terminal.show(live_panel(names.named(one), courses.of(one)), one)
        else:
            found = await client.positions()
            if not terminal.as_json:
                await courses.load(client, found)
                await names.learn(client, found)
            view = positions_view([names.named(one) for one in found], courses.values)
            terminal.show(view, {"items": found})
        return None

    terminal.run_signed_in(gateway, work)
