"""`index`: what can be bought."""

from __future__ import annotations

from typing import Annotated

import typer

from basketry_cli.exits import Exit
from basketry_cli.gateway import GatewayClient
from basketry_cli.options import AsJson, Gateway
from basketry_cli.terminal import Terminal
from basketry_cli.views.index import index_table, indices_table


def index(
    index_id: Annotated[str, typer.Argument(help="One of them, with its constituents; all if left out.")] = "",
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """The indices, or one with its constituents."""
    terminal = Terminal(as_json=as_json)

    async def work(client: GatewayClient) -> Exit | None:
        if index_id:
            found = await client.index(index_id)
            terminal.show(index_table(found), found)
        else:
            every = await client.indices()
            terminal.show(indices_table(every), {"items": every})
        return None

    terminal.run_signed_in(gateway, work)
