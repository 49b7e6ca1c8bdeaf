"""`shortages`: coins that positions hold and the account does not, and what became of them."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from basketry_cli.choosing import id_of, key_meant
from basketry_cli.exits import Exit
from basketry_cli.gateway import GatewayClient, Json
from basketry_cli.options import AsJson, Gateway, Yes
from basketry_cli.problems import Wish
from basketry_cli.terminal import Terminal
from basketry_cli.views.accounts import shortage_sentence, shortages_view
from basketry_cli.views.numbers import short


class Happened(StrEnum):
    """What became of missing coins."""

    SOLD = "sold"
    WITHDRAWN = "withdrawn"
    RETURN = "will_return"


_MEANS = {
    Happened.SOLD: "They come off these positions at average cost, as sold by you; the positions trade again.",
    Happened.WITHDRAWN: "They come off these positions at average cost, as taken out by you; the positions trade again.",
    Happened.RETURN: "Nothing is booked: these positions wait until the coins are back.",
}


def shortages(
    coin: Annotated[str, typer.Argument(help="Which coin --how answers for, such as BTC.")] = "",
    how: Annotated[Happened | None, typer.Option("--how", help="What happened to the missing coins.")] = None,
    account: Annotated[str, typer.Option("--account", help="Id or label of an account; all if left out.")] = "",
    yes: Yes = False,
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """Coins that are missing, and your word on them.

    Positions that miss coins sell none of them and trade nothing by themselves until you say what happened:
    `shortages BTC --how sold` (or withdrawn; will_return waits for them). Said twice it counts once.
    """
    terminal = Terminal(as_json=as_json)

    async def work(client: GatewayClient) -> Exit | None:
        if bool(coin) != (how is not None):
            raise Wish("say which coin and what happened, such as: shortages BTC --how sold")
        accounts = [await key_meant(client, account)] if account else await client.keys()
        found = await _missing(client, accounts)
        if how is None:
            terminal.show(shortages_view(found), {"items": found})
            return None
        return await _answered(client, terminal, _meant(found, coin.upper()), how, yes=yes)

    terminal.run_signed_in(gateway, work)


async def _missing(client: GatewayClient, accounts: list[Json]) -> list[Json]:
    pages = await asyncio.gather(*(client.shortages(id_of(one)) for one in accounts))
    return [one for page in pages for one in page]


def _meant(found: list[Json], coin: str) -> Json:
    fits = [one for one in found if one["asset"] == coin and one["state"] != "resolved"]
    if not fits:
        raise Wish(f"no {coin} is missing now", do="nothing; ./basketry shortages lists what is missing.")
    if len(fits) > 1:
        accounts = ", ".join(short(one["account_id"]) for one in fits)
        raise Wish(f"{coin} is missing on {len(fits)} accounts: name one with --account ({accounts})")
    return fits[0]


async def _answered(
    client: GatewayClient, terminal: Terminal, shortage: Json, how: Happened, *, yes: bool
) -> Exit | None:
    if not yes and not terminal.confirm(f"{shortage_sentence(shortage)} {_MEANS[how]} Is that what happened?"):
        terminal.note("Nothing was answered.")
        return Exit.REFUSED
    told = await client.resolve_shortage(shortage, how)
    terminal.show(shortages_view([told]), told)
    return None
