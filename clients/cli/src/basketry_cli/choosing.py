"""Which account and which position the user means."""

from __future__ import annotations

from basketry_cli.gateway import GatewayClient, Json
from basketry_cli.problems import Wish
from basketry_cli.terminal import Terminal
from basketry_cli.views.numbers import short


async def account_meant(client: GatewayClient, terminal: Terminal, named: str) -> str:
    """The id of the named account, or of the newest; who has none gets one with play money.

    Raises:
        Wish: there is no such account, or more than one.
    """
    accounts = await client.keys()
    if named:
        fits = [one for one in accounts if _id(one).startswith(named) or one.get("label") == named]
        if len(fits) != 1:
            known = ", ".join(f"{short(_id(one))} ({one.get('label', '')})" for one in accounts) or "none"
            raise Wish(f"{len(fits)} of your accounts are called {named!r}; you have: {known}")
        return _id(fits[0])
    if not accounts:
        terminal.note("no account yet: opening one on the paper exchange, with play money")
        accounts = [await client.open_paper_account()]
    return _id(accounts[0])


async def position_meant(client: GatewayClient, named: str) -> Json:
    """The position with the named beginning of an id, with its legs.

    Raises:
        Wish: there is no such position, or more than one.
    """
    fits = [str(one["position_id"]) for one in await client.positions() if str(one["position_id"]).startswith(named)]
    if len(fits) != 1 or not named:
        raise Wish(f"{len(fits)} of your positions begin with {named!r}: ./basketry positions lists them")
    return await client.position(fits[0])


def _id(account: Json) -> str:
    return str(account.get("account_id") or account["key_id"])
