"""`activity` and `flows`: what happened, and what moved at an account without an order of ours."""

from __future__ import annotations

from typing import Annotated

import typer

from basketry_cli.choosing import id_of, key_meant
from basketry_cli.exits import Exit
from basketry_cli.gateway import GatewayClient
from basketry_cli.naming import IndexNames
from basketry_cli.options import AsJson, Gateway
from basketry_cli.terminal import Terminal
from basketry_cli.views.accounts import activity_view, flows_view

Most = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="So many lines at most, the newest.")]


def activity(limit: Most = 30, gateway: Gateway = "", as_json: AsJson = False) -> None:
    """What happened to your positions and keys.

    The newest is first, such as: `activity --limit 100`.
    """
    terminal = Terminal(as_json=as_json)

    async def work(client: GatewayClient) -> Exit | None:
        found = await client.activity(limit)
        names = IndexNames()
        if not terminal.as_json:
            await names.learn_sentences(client, found)
        terminal.show(activity_view([names.in_words(line) for line in found]), {"items": found})
        return None

    terminal.run_signed_in(gateway, work)


def flows(
    account: Annotated[str, typer.Argument(help="Id or label of an account; the newest if left out.")] = "",
    limit: Most = 30,
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """What moved at an account beside our orders.

    Your own trades there, deposits, withdrawals, transfers, interest: the newest first, such as: `flows main --limit 100`.
    It is seen from the account's first order on, at the latest five minutes after it happened.
    """
    terminal = Terminal(as_json=as_json)

    async def work(client: GatewayClient) -> Exit | None:
        key = await key_meant(client, account)
        found = await client.flows(id_of(key), limit)
        terminal.show(flows_view(key, found), {"account_id": id_of(key), "items": found})
        return None

    terminal.run_signed_in(gateway, work)
