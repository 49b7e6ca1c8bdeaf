"""`login`: a session that later commands use."""

from __future__ import annotations

from typing import Annotated

import typer

from basketry_cli.exits import Exit
from basketry_cli.options import AsJson, Gateway
from basketry_cli.problems import ApiProblem, Wish
from basketry_cli.session_file import SessionClient, SessionFile, session_path
from basketry_cli.terminal import DEFAULT_GATEWAY, Terminal, address

RISK = "Crypto assets can lose all their value, and orders trade at once. Have you read this, and accept it?"


def login(
    email: Annotated[str, typer.Option("--email", help="Asked for if left out.")] = "",
    password: Annotated[
        str, typer.Option("--password", envvar="BASKETRY_PASSWORD", help="Asked for if left out.", show_default=False)
    ] = "",
    gateway: Gateway = "",
    register: Annotated[
        bool, typer.Option("--register", help="Sign up first; asks whether you accept the risk.")
    ] = False,
    accept_risk: Annotated[bool, typer.Option("--accept-risk", help="With --register: do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Sign in, or up with --register, for later commands.

    BASKETRY_PASSWORD keeps the password off the command line, where others on this machine could read it.
    """
    terminal = Terminal(as_json=as_json)

    async def work() -> Exit | None:
        url = address(gateway or DEFAULT_GATEWAY)
        who = email or terminal.ask("Email", instead="--email")
        secret = password or _typed(terminal, again=register)
        if register and not accept_risk and not terminal.confirm(RISK, instead="--accept-risk"):
            raise Wish("without accepting the risk there is no account")
        async with SessionClient(url, SessionFile()) as client:
            if register:
                await client.register(who, secret)
            try:
                await client.login(who, secret)
            except ApiProblem as problem:
                if not register or problem.code != "credentials_invalid":
                    raise
                # Our gateway refuses a taken address (409). Where one tells nobody who is there, a password that was
                # accepted a moment ago and is wrong now says the same.
                detail = f"{who} is signed up already, with another password."
                raise ApiProblem(problem.status, problem.body | {"code": "email_taken", "detail": detail}) from None
            words = f"signed in at {client.url} as {who}; the session is in {session_path()}"
            terminal.show(words, {"gateway": client.url, "email": who, "session": str(session_path())})
        return None

    terminal.run(work)


def _typed(terminal: Terminal, *, again: bool) -> str:
    """A new password is typed twice: with a slip in it nobody could ever sign in.

    Raises:
        Wish: the two are not the same.
    """
    secret = terminal.ask("Password", instead="BASKETRY_PASSWORD", hidden=True)
    if again and terminal.ask("Once more", instead="BASKETRY_PASSWORD", hidden=True) != secret:
        raise Wish("the two passwords are not the same; there is no account yet")
    return secret
