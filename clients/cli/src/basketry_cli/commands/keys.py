"""`keys`: the accounts that you have connected, and play money."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from basketry_cli.choosing import id_of, key_meant
from basketry_cli.commands.limits import environment_meant
from basketry_cli.exits import Exit
from basketry_cli.gateway import GatewayClient, Json
from basketry_cli.options import AsJson, Gateway, Yes
from basketry_cli.problems import Wish
from basketry_cli.terminal import Terminal
from basketry_cli.views.keys import key_view, keys_view

LONGEST_SECRET = 4096


class _Deed(StrEnum):
    SHOW = "show"
    ADD = "add"
    PAPER = "paper"
    CHECK = "check"
    DELETE = "delete"


def keys(
    key: Annotated[str, typer.Argument(help="The beginning of an id, or a label; all if left out.")] = "",
    *,
    add: Annotated[str, typer.Option("--add", metavar="LABEL", help="Connect an account by a trade-only key.")] = "",
    environment: Annotated[str, typer.Option("--environment", help="With --add: testnet, demo, mainnet, paper.")] = "",
    api_key: Annotated[str, typer.Option("--api-key", help="With --add: the public half; asked for if left out.")] = "",
    accept_expiry: Annotated[
        bool,
        typer.Option("--accept-expiry", help="With --add on mainnet: it has no bound addresses, and dies in 90 days."),
    ] = False,
    paper: Annotated[
        str, typer.Option("--paper", metavar="LABEL", help="Open an account with play money; --balance says how much.")
    ] = "",
    balance: Annotated[str, typer.Option("--balance", metavar="USDT", help="With --paper.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Ask the venue about KEY's rights now.")] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Destroy KEY here; its coins stay where they are.")] = False,
    yes: Yes = False,
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """Your accounts: list, connect, check, disconnect.

    `keys --add main --environment testnet` asks for key and secret; nothing typed is shown. In a script the secret is the
    line on stdin: `keys --add main --environment testnet --api-key KEY < secret`. `keys --paper more --balance 5000`
    opens an account with play money, `keys main --check` asks the venue about its rights, `keys main --delete` takes it away.
    """
    terminal = Terminal(as_json=as_json)
    asked = {_Deed.ADD: bool(add), _Deed.PAPER: bool(paper), _Deed.CHECK: check, _Deed.DELETE: delete}
    deeds = [deed for deed, wanted in asked.items() if wanted] or [_Deed.SHOW]

    async def work(client: GatewayClient) -> Exit | None:
        deed = _one(deeds, key, balance)
        if deed is _Deed.ADD:
            body = {"label": add, "accepts_expiry": accept_expiry} | _typed(terminal, environment, api_key)
            _shown(terminal, await client.add_key(body), "stored")
        elif deed is _Deed.PAPER:
            opened = await client.open_paper_account(paper, balance=balance)
            _shown(terminal, opened, "opened with play money; commands use it until you name another with --account")
        elif deed is _Deed.CHECK:
            _shown(terminal, await client.check_key(id_of(await key_meant(client, key))), "checked")
        elif deed is _Deed.DELETE:
            return await _deleted(client, terminal, await key_meant(client, key), yes=yes)
        elif key:
            _shown(terminal, await key_meant(client, key), "")
        else:
            found = await client.keys()
            terminal.show(keys_view(found), {"items": found})
        return None

    terminal.run_signed_in(gateway, work)


def _one(deeds: list[_Deed], key: str, balance: str) -> _Deed:
    if len(deeds) > 1:
        raise Wish("one thing at a time: " + ", ".join(f"--{one}" for one in deeds))
    [deed] = deeds
    if deed in {_Deed.CHECK, _Deed.DELETE} and not key:
        raise Wish(f"name the key, such as: keys main --{deed}")
    if deed in {_Deed.ADD, _Deed.PAPER} and key:
        raise Wish(f"--{deed} takes no key before it: ./basketry keys --help")
    if balance and deed is not _Deed.PAPER:
        raise Wish("--balance belongs to --paper: money on a real account is moved at the venue")
    return deed


def _typed(terminal: Terminal, environment: str, api_key: str) -> Json:
    """Environment, key and secret; the secret comes from a prompt that shows nothing, or from stdin, never as an argument."""
    if not environment:
        raise Wish("say where it trades: --environment testnet (or demo, mainnet, paper)")
    where = environment_meant(environment)
    at_terminal = sys.stdin.isatty() and not terminal.as_json
    public = api_key or (terminal.ask("API key", instead="--api-key") if at_terminal else "")
    if not public:
        raise Wish("nobody can be asked for the API key here: --api-key says it")
    if at_terminal:
        secret = terminal.ask("API secret", instead="stdin", hidden=True)
    else:
        secret = sys.stdin.readline(LONGEST_SECRET + 2).strip()
    if not secret:
        raise Wish("no secret came: it is the line on stdin, such as: ./basketry keys --add … < secret")
    return {"environment": where, "api_key": public.strip(), "api_secret": secret}


async def _deleted(client: GatewayClient, terminal: Terminal, key: Json, *, yes: bool) -> Exit | None:
    question = f"Destroy the key {key['label']!r}? Nothing can be traded or sold on this account from here any more."
    if not yes and not terminal.confirm(question):
        terminal.note("Nothing was deleted.")
        return Exit.REFUSED
    await client.delete_key(id_of(key))
    words = f"{key['label']} is deleted here; delete it at the venue too. Coins and money stay where they are."
    terminal.show(words, {"deleted": id_of(key)})
    return None


def _shown(terminal: Terminal, key: Json, done: str) -> None:
    terminal.show(key_view(key), key)
    if done:
        terminal.note(f"{key['label']} is {done}.")
