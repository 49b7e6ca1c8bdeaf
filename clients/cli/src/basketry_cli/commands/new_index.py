"""`new-index`: an index of one's own from options; `index --create` takes a file."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Group

from basketry_cli.exits import Exit
from basketry_cli.fractions_typed import fraction
from basketry_cli.gateway import GatewayClient, Json
from basketry_cli.options import AsJson, Gateway
from basketry_cli.problems import Wish
from basketry_cli.terminal import Terminal
from basketry_cli.views.index import index_table, left_out_table
from basketry_cli.views.numbers import percent


class Weighting(StrEnum):
    """How the coins share."""

    MARKET_CAP = "market_cap"
    SQRT_CAP = "sqrt_cap"
    EQUAL = "equal"


def new_index(
    name: Annotated[str, typer.Argument(help="As you want to call it; only you see it.")],
    *,
    size: Annotated[int, typer.Option("--size", min=0, max=100, help="The largest so many coins.")] = 0,
    weighting: Annotated[Weighting, typer.Option("--weighting", help="How they share.")] = Weighting.MARKET_CAP,
    coin: Annotated[list[str] | None, typer.Option("--coin", metavar="BTC=60%", help="Fixed weights instead.")] = None,
    max_weight: Annotated[str, typer.Option("--max-weight", metavar="30%", help="Of one coin.")] = "",
    min_weight: Annotated[str, typer.Option("--min-weight", metavar="1%", help="Of one coin.")] = "",
    cash: Annotated[str, typer.Option("--cash", metavar="5%", help="Stays in USDT.")] = "",
    include: Annotated[list[str] | None, typer.Option("--include", metavar="COIN", help="Whatever its rank.")] = None,
    exclude: Annotated[list[str] | None, typer.Option("--exclude", metavar="COIN", help="Never.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show it; store nothing.")] = False,
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """Make an index of your own from options; it does not trade.

    Either the largest coins (`--size 8 --weighting sqrt_cap --exclude DOGE`) or fixed weights (`--coin BTC=60% --coin ETH=40%`).
    A share is 30% or 0.3. `index --create FILE` takes the finer rules as JSON.
    """
    terminal = Terminal(as_json=as_json)

    async def work(client: GatewayClient) -> Exit | None:
        rules: Json = fixed_weights(coin) if coin else {"size": size, "weighting": weighting.value}
        if bool(size) == bool(coin):
            raise Wish("say either how many coins (--size 8) or which, at which weight (--coin BTC=60% --coin ETH=40%)")
        shares = {"max_weight": max_weight, "min_weight": min_weight, "cash_share": cash}
        rules |= {key: fraction(value) for key, value in shares.items() if value}
        rules |= {
            key: [one.upper() for one in given] for key, given in (("include", include), ("exclude", exclude)) if given
        }
        made = await (
            client.preview_index({"rules": rules}) if preview else client.create_index({"name": name, "rules": rules})
        )
        left_out = [left_out_table(made["exclusions"])] if made.get("exclusions") else []
        terminal.show(Group(index_table(made), *left_out), made)
        if not preview:
            terminal.note(f"nothing was bought. ./basketry plan {name!r} 500 shows what buying it would do.")
        return None

    terminal.run_signed_in(gateway, work)


def fixed_weights(coins: list[str]) -> Json:
    """Rules of an index from words such as `BTC=60%`.

    Raises:
        Wish: they are not like that, or not the whole.
    """
    parts = [one.partition("=") for one in coins]
    if not all(asset and weight for asset, _, weight in parts):
        raise Wish("a fixed weight looks like BTC=60%")
    weights = [{"asset": asset.upper(), "weight": fraction(weight)} for asset, _, weight in parts]
    together = sum(Decimal(one["weight"]) for one in weights)
    if together != 1:
        do = f"change them by {percent(1 - together)} together; --cash keeps a share in USDT."
        raise Wish(f"the fixed weights add up to {percent(together)}, and must be exactly 100 %", do=do)
    return {"weighting": "fixed", "fixed_weights": weights}
