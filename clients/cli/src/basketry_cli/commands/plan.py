"""`plan`: what an order would do, before there is one."""

from __future__ import annotations

from typing import Annotated

import typer

from basketry_cli.choosing import account_meant, index_meant, position_meant
from basketry_cli.exits import Exit
from basketry_cli.gateway import GatewayClient, Json
from basketry_cli.naming import IndexNames
from basketry_cli.options import Account, AsJson, Gateway, Policy, PolicyName
from basketry_cli.problems import Wish
from basketry_cli.terminal import Terminal
from basketry_cli.views.plan import plan_view

_WITH_AMOUNT = {"invest", "withdraw"}


def plan(
    index_id: Annotated[str, typer.Argument(help="Of an index; left out where a position is named.")] = "",
    amount: Annotated[str, typer.Argument(help="USDT: to spend at most, to put in, to take out.")] = "",
    *,
    account: Account = "",
    invest: Annotated[str, typer.Option("--invest", metavar="POSITION", help="Put AMOUNT more into it.")] = "",
    rebalance: Annotated[str, typer.Option("--rebalance", metavar="POSITION", help="Back to its targets.")] = "",
    withdraw: Annotated[str, typer.Option("--withdraw", metavar="POSITION", help="Take AMOUNT out of it.")] = "",
    close: Annotated[str, typer.Option("--close", metavar="POSITION", help="Sell it completely.")] = "",
    buy_only: Annotated[bool, typer.Option("--buy-only", help="Rebalance without selling.")] = False,
    drifted: Annotated[bool, typer.Option("--drifted", help="Rebalance only what is out of its band.")] = False,
    exclude: Annotated[list[str] | None, typer.Option("--exclude", metavar="SYMBOL", help="Leave alone.")] = None,
    policy: Policy = PolicyName.HOLD,
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """What an order would do; nothing is sent.

    `plan top-10 1000` is a purchase of an index for at most 1000 USDT; the options plan changes to a position.
    """
    terminal = Terminal(as_json=as_json)
    asked = {"invest": invest, "rebalance": rebalance, "withdraw": withdraw, "close": close}
    named = {kind: position for kind, position in asked.items() if position}

    async def work(client: GatewayClient) -> Exit | None:
        if len(named) > 1 or (buy_only and drifted):
            raise Wish("one thing at a time: " + ", ".join(f"--{one}" for one in named or ("buy-only", "drifted")))
        if named:
            [(kind, position)] = named.items()
            mode = "buy_only" if buy_only else "drifted" if drifted else "full"
            options = {"mode": mode, "exclude": exclude or []} if kind == "rebalance" else None
            made = await _for_position(client, kind, position, amount or index_id, options, policy)
        else:
            made = await plan_to_buy(client, terminal, index_id, amount, account, policy)
        names = IndexNames()
        if not terminal.as_json:
            await names.learn(client, [made])
        terminal.show(plan_view(names.named(made)), made)
        if made.get("executable", True):
            terminal.note(f"nothing was sent. ./basketry execute {made['plan_id']} trades it, within a minute.")
        return None

    terminal.run_signed_in(gateway, work)


async def plan_to_buy(
    client: GatewayClient, terminal: Terminal, index_id: str, amount: str, account: str, policy: str
) -> Json:
    """A plan for an index.

    Raises:
        Wish: something is missing.
    """
    if not index_id or not amount:
        raise Wish("say which index and how many USDT, such as: top-10 1000")
    meant = await index_meant(client, index_id)  # before an account is opened for what cannot be bought
    on = await account_meant(client, terminal, account)
    return await client.plan(index=meant, amount=amount, account=on, policy=policy)


async def _for_position(
    client: GatewayClient, kind: str, named: str, amount: str, options: Json | None, policy: str
) -> Json:
    if bool(amount) != (kind in _WITH_AMOUNT):
        needs = "needs the number of USDT behind the position" if kind in _WITH_AMOUNT else "takes no amount"
        raise Wish(f"--{kind} {needs}, such as: plan --invest 46a35814 500, plan --rebalance 46a35814")
    position_id = str((await position_meant(client, named))["position_id"])
    if kind == "close":
        return await client.close_plan(position_id, policy=policy)
    return await client.run_plan(position_id, kind, amount=amount, options=options, policy=policy)
