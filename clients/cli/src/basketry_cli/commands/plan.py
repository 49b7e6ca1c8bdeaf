"""`plan`: what an order would do, before there is one."""

from __future__ import annotations

from typing import Annotated

import typer

from basketry_cli.choosing import account_meant, position_meant
from basketry_cli.exits import Exit
from basketry_cli.gateway import GatewayClient, Json
from basketry_cli.options import Account, AsJson, Gateway
from basketry_cli.problems import Wish
from basketry_cli.terminal import Terminal
from basketry_cli.views.plan import plan_view


def plan(
    index_id: Annotated[str, typer.Argument(help="Of an index; left out where a position is named.")] = "",
    amount: Annotated[str, typer.Argument(help="USDT to spend at most.")] = "",
    account: Account = "",
    close: Annotated[str, typer.Option("--close", metavar="POSITION", help="Sell it completely.")] = "",
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """What buying AMOUNT USDT of an index would do, or selling a position; nothing is sent."""
    terminal = Terminal(as_json=as_json)

    async def work(client: GatewayClient) -> Exit | None:
        if close:
            made = await client.close_plan(str((await position_meant(client, close))["position_id"]))
        else:
            made = await plan_to_buy(client, terminal, index_id, amount, account)
        terminal.show(plan_view(made), made)
        if made.get("executable", True):
            terminal.note(f"nothing was sent. ./basketry execute {made['plan_id']} trades it, within a minute.")
        return None

    terminal.run_signed_in(gateway, work)


async def plan_to_buy(client: GatewayClient, terminal: Terminal, index_id: str, amount: str, account: str) -> Json:
    """A plan for an index.

    Raises:
        Wish: something is missing.
    """
    if not index_id or not amount:
        raise Wish("say which index and how many USDT, such as: top-10 1000")
    return await client.plan(index=index_id, amount=amount, account=await account_meant(client, terminal, account))
