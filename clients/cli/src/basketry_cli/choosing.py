"""Which account and which position the user means."""

from __future__ import annotations

from basketry_cli.gateway import GatewayClient, Json
from basketry_cli.problems import ApiProblem, Wish
from basketry_cli.terminal import Terminal
from basketry_cli.views.numbers import short

OWN_INDEX = "my-"
"""How the ids of users' own indices begin."""


async def account_meant(client: GatewayClient, terminal: Terminal, named: str) -> str:
    """The id of the named account, or of the newest; who has none gets one with play money.

    Raises:
        Wish: there is no such account, or more than one.
    """
    accounts = await client.keys()
    if named:
        return id_of(_called(accounts, named))
    if not accounts:
        terminal.note("no account yet: opening one on the paper exchange, with play money")
        accounts = [await client.open_paper_account()]
    return id_of(accounts[0])


async def key_meant(client: GatewayClient, named: str) -> Json:
    """The stored key with that label or beginning of an id; without a name the newest.

    Raises:
        Wish: there is no such key, or more than one.
    """
    accounts = await client.keys()
    if named:
        return _called(accounts, named)
    if not accounts:
        raise Wish("you have no account yet", do="./basketry keys --paper more opens one with play money.")
    return accounts[0]


def _called(accounts: list[Json], named: str) -> Json:
    fits = [one for one in accounts if id_of(one).startswith(named) or one.get("label") == named]
    if len(fits) != 1:
        known = ", ".join(f"{short(id_of(one))} ({one.get('label', '')})" for one in accounts) or "none"
        count = f"{len(fits)} of your accounts are" if fits else "none of your accounts is"
        raise Wish(f"{count} called {named!r}; you have: {known}", do="name one of them; ./basketry keys lists them.")
    return fits[0]


async def index_meant(client: GatewayClient, named: str) -> str:
    """The id of an index: as it stands, or of one's own by its name or the beginning of its id.

    Raises:
        ApiProblem: there is no such index.
        Wish: there is more than one.
    """
    known = await client.indices()
    if any(one["index_id"] == named for one in known):
        return named
    fits = [str(one["index_id"]) for one in known if _is_own_and_called(one, named)]
    if len(fits) > 1:
        raise Wish(f"{len(fits)} of your indices are called {named!r}: {', '.join(fits)}", do="name it by its id.")
    if fits:
        return fits[0]
    try:
        return str((await client.index(named))["index_id"])
    except ApiProblem as problem:
        own = [str(one.get("name") or one["index_id"]) for one in known if _is_own(one)]
        if problem.code != "unknown_index" or not own:
            raise
        raise ApiProblem(problem.status, problem.body | {"detail": f"{problem} Your own: {', '.join(own)}."}) from None


async def position_meant(client: GatewayClient, named: str) -> Json:
    """The position with the named beginning of an id, with its legs.

    Raises:
        Wish: there is no such position, or more than one.
    """
    fits = [str(one["position_id"]) for one in await client.positions() if str(one["position_id"]).startswith(named)]
    if len(fits) != 1 or not named:
        count = f"{len(fits)} of your positions begin" if fits else "none of your positions begins"
        raise Wish(f"{count} with {named!r}", do="./basketry positions lists yours; say more of the id.")
    return await client.position(fits[0])


def _is_own_and_called(index: Json, named: str) -> bool:
    begins = len(named) > len(OWN_INDEX) and str(index["index_id"]).startswith(named)
    return _is_own(index) and (begins or str(index.get("name", "")).casefold() == named.casefold())


def _is_own(index: Json) -> bool:
    return str(index["index_id"]).startswith(OWN_INDEX)


def id_of(account: Json) -> str:
    """An account's id, which is its key's."""
    return str(account.get("account_id") or account["key_id"])
