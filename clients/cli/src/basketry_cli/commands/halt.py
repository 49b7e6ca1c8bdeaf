"""`halt` and `release`: the switch that stops your own trading."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from basketry_cli.commands.limits import environment_meant
from basketry_cli.exits import Exit
from basketry_cli.gateway import GatewayClient, Json
from basketry_cli.options import AsJson, Gateway, Yes
from basketry_cli.terminal import Terminal
from basketry_cli.views.guards import halts_view

Reason = Annotated[str, typer.Option("--reason", help="Kept with it, and shown to whoever plans.")]


def halt(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Sell nothing either.")] = False,
    symbol: Annotated[str, typer.Option("--symbol", metavar="BTCUSDT", help="Of one pair alone.")] = "",
    environment: Annotated[str, typer.Option("--environment", help="In one alone, such as mainnet.")] = "",
    reason: Reason = "",
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """Stop your own buying at once; with --all selling too.

    From the answer on nothing of it is signed, until `release`. Nothing is sold by it. It does not ask: thrown twice it is
    still one halt.
    """
    terminal = Terminal(as_json=as_json)

    async def work(client: GatewayClient) -> Exit | None:
        body: Json = {"extent": "all" if everything else "opening", "reason": reason}
        body |= {"symbol": symbol.upper()} if symbol else {}
        body |= {"environment": environment_meant(environment)} if environment else {}
        thrown = await client.halt(body)
        terminal.show(halts_view([thrown]), thrown)
        return None

    terminal.run_signed_in(gateway, work)


def release(
    reason: Annotated[str, typer.Option("--reason", help="Kept with it.")] = "",
    yes: Yes = False,
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """Lift everything that you have halted yourself."""
    terminal = Terminal(as_json=as_json)

    async def work(client: GatewayClient) -> Exit | None:
        if not yes and not terminal.confirm("Let trading go on, wherever you have halted it?"):
            terminal.note("Nothing was released.")
            return Exit.REFUSED
        gone = await client.release(reason)
        words = "halt is" if len(gone) == 1 else "halts are"
        left = (await client.guards("paper"))["halts"]
        view = Group(
            Text(f"{len(gone)} {words} released; orders that were refused are not sent again."), halts_view(left)
        )
        terminal.show(view, {"items": gone})
        return None

    terminal.run_signed_in(gateway, work)
