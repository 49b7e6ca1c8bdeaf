"""`buy` and `execute`: orders."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from basketry_cli.commands.plan import plan_to_buy
from basketry_cli.exits import Exit
from basketry_cli.gateway import GatewayClient
from basketry_cli.options import Account, AsJson, Gateway, Key, Policy, PolicyName, Yes
from basketry_cli.problems import Wish
from basketry_cli.terminal import Terminal
from basketry_cli.trading import trade


def buy(
    index_id: Annotated[str, typer.Argument(help="Of an index.")],
    amount: Annotated[str, typer.Argument(help="USDT to spend at most.")],
    account: Account = "",
    policy: Policy = PolicyName.HOLD,
    yes: Yes = False,
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """Plan, ask, buy, and watch the legs fill."""
    terminal = Terminal(as_json=as_json)

    async def work(client: GatewayClient) -> Exit:
        made = await plan_to_buy(client, terminal, index_id, amount, account, policy)
        return await trade(client, terminal, made, key="", yes=yes)

    terminal.run_signed_in(gateway, work)


def execute(
    plan_id: Annotated[str, typer.Argument(help="Of a plan that `plan` has shown.")],
    key: Key = "",
    yes: Yes = False,
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """Trade a plan that you have seen, once, and watch it."""
    terminal = Terminal(as_json=as_json)

    async def work(client: GatewayClient) -> Exit:
        return await trade(client, terminal, await client.plan_again(_id(plan_id)), key=key, yes=yes)

    terminal.run_signed_in(gateway, work)


def _id(named: str) -> str:
    try:
        return str(UUID(named))
    except ValueError:
        raise Wish(f"{named!r} is no id of a plan", do="./basketry plan makes one, and shows its id.") from None
