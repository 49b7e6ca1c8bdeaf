"""`limits`: what you allow yourself, shown and set."""

from __future__ import annotations

from typing import Annotated

import typer

from basketry_cli.exits import Exit
from basketry_cli.gateway import GatewayClient, Json
from basketry_cli.options import AsJson, Environment, Gateway
from basketry_cli.problems import Wish
from basketry_cli.terminal import Terminal
from basketry_cli.views.guards import guards_view

NONE = "none"
ENVIRONMENTS = ("paper", "testnet", "demo", "mainnet")


def limits(
    *,
    order: Annotated[str, typer.Option("--order", metavar="USDT", help="Largest buy per coin (one order).")] = "",
    hour: Annotated[str, typer.Option("--hour", metavar="USDT", help="Bought within an hour.")] = "",
    day: Annotated[str, typer.Option("--day", metavar="USDT", help="Bought within a day.")] = "",
    slippage: Annotated[str, typer.Option("--slippage", metavar="BPS", help="Limit price beyond the one shown.")] = "",
    price_age: Annotated[str, typer.Option("--price-age", metavar="SECONDS", help="Age of the price shown.")] = "",
    environment: Environment = "paper",
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """Your limits, what is used of them, what is halted; or set them.

    An option sets that limit and leaves the others; `none` takes yours away, so that the platform's binds. Yours can only
    be stricter than the platform's. Selling has no limit.
    """
    terminal = Terminal(as_json=as_json)
    asked = {
        "order_max": order,
        "hour_max": hour,
        "day_max": day,
        "slippage_bps_max": slippage,
        "price_age_s_max": price_age,
    }
    wanted: Json = {name: None if value == NONE else value for name, value in asked.items() if value}

    async def work(client: GatewayClient) -> Exit | None:
        where = environment_meant(environment)
        found = await client.guards(where)
        if wanted:
            found = await client.set_guards(where, {**found["own"], **wanted}, int(found["version"]))
        terminal.show(guards_view(found), found)
        return None

    terminal.run_signed_in(gateway, work)


def environment_meant(named: str) -> str:
    """An environment; `live` is another word for mainnet.

    Raises:
        Wish: there is no such environment.
    """
    meant = "mainnet" if named.lower() == "live" else named.lower()
    if meant not in ENVIRONMENTS:
        raise Wish(f"there is no environment {named!r}; there are {', '.join(ENVIRONMENTS)}")
    return meant
