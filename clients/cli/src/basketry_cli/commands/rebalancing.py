"""`rebalancing`: who brings a position back to its targets, and when."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from basketry_cli.choosing import position_meant
from basketry_cli.exits import Exit
from basketry_cli.fractions_typed import percentage
from basketry_cli.gateway import GatewayClient, Json
from basketry_cli.options import AsJson, Gateway, Yes
from basketry_cli.terminal import Terminal
from basketry_cli.views.rebalancing import rebalancing_view

_AUTOMATIC = (
    "Automatic: whenever a rebalance is due, coins of this position are sold and bought without asking you, "
    "within your limits; each is in ./basketry activity, and --mode manual ends it."
)


def rebalancing(
    position: Annotated[str, typer.Argument(help="The beginning of an id.")],
    *,
    mode: Annotated[str, typer.Option("--mode", help="manual, suggested or automatic.")] = "",
    band: Annotated[str, typer.Option("--band", help="Drift in percentage points, from 0.5 to 50: 5.")] = "",
    relative: Annotated[str, typer.Option("--relative", help="Drift in percent of a coin's own target: 25.")] = "",
    calendar: Annotated[str, typer.Option("--calendar", help="none, weekly, monthly or quarterly.")] = "",
    cooldown: Annotated[
        int | None, typer.Option("--cooldown", help="Hours between two rebalances, at least 1.")
    ] = None,
    buy_only: Annotated[bool | None, typer.Option("--buy-only/--sell-too", help="Never sell, or do.")] = None,
    yes: Yes = False,
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """Who rebalances a position, and when; options change it.

    What is not named stays as it is.
    """
    terminal = Terminal(as_json=as_json)

    async def work(client: GatewayClient) -> Exit | None:
        asked: Json = {
            "mode": mode or None,
            "absolute_band": percentage(band, least="0.5", most="50") if band else None,
            "relative_band": percentage(relative, least="5", most="1000") if relative else None,
            "calendar": calendar or None,
            "cooldown_hours": cooldown,
            "buy_only": buy_only,
        }
        changes = {name: value for name, value in asked.items() if value is not None}
        found = await position_meant(client, position)
        known: Json = found["rebalancing"]
        if mode == "automatic" and known["mode"] != "automatic" and sys.stdin.isatty() and not (yes or as_json):
            terminal.note(_AUTOMATIC)
            if not terminal.confirm("Let it trade without asking?"):
                terminal.note("Nothing was changed.")
                return Exit.REFUSED
        if changes:
            chosen = {name: known[name] for name in asked} | changes
            known = await client.choose_rebalancing(str(found["position_id"]), chosen)
        terminal.show(rebalancing_view(known), known)
        if known["state"] == "suggested":
            flag = " --buy-only" if known["buy_only"] else "" if known["trigger"] == "calendar" else " --drifted"
            plan = f"./basketry plan --rebalance {found['position_id']}{flag}"
            terminal.note(
                f"{plan} shows about what it would do now; what is suggested goes by this position's own bands."
            )
        return None

    terminal.run_signed_in(gateway, work)
