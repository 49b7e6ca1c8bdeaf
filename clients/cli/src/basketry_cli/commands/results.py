"""`results`: what a position, or all of them, came to."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from basketry_cli.choosing import position_meant
from basketry_cli.exits import Exit
from basketry_cli.gateway import GatewayClient
from basketry_cli.naming import IndexNames
from basketry_cli.options import AsJson, Gateway
from basketry_cli.terminal import Terminal
from basketry_cli.views.results import portfolio_view, results_view


class Back(StrEnum):
    """How far back."""

    DAY = "1d"
    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"
    YEAR = "1y"
    ALL = "all"


def results(
    position: Annotated[str, typer.Argument(help="The beginning of an id; all together if left out.")] = "",
    back: Annotated[
        Back, typer.Option("--range", help="How far back; totals are since the first purchase.")
    ] = Back.ALL,
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """Returns, benchmarks, costs, and which coins they came from.

    `yours` is time-weighted: what the choice of coins did, whatever you put in and took out meanwhile; `your money` is
    money-weighted. The lines below it are what else the same time did.
    """
    terminal = Terminal(as_json=as_json)

    async def work(client: GatewayClient) -> Exit | None:
        if position:
            one = await position_meant(client, position)
            found = await client.performance(str(one["position_id"]), back.value)
            names = IndexNames()
            if not terminal.as_json:
                await names.learn(client, [one])
            terminal.show(results_view(found, names.named(one)), found)
        else:
            every = await client.portfolio(back.value)
            terminal.show(portfolio_view(every), every)
        return None

    terminal.run_signed_in(gateway, work)
