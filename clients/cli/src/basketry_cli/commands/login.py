"""`login`: a session that later commands use."""

from __future__ import annotations

from typing import Annotated

import typer

from basketry_cli.exits import Exit
from basketry_cli.options import AsJson, Gateway
from basketry_cli.problems import Wish
from basketry_cli.session_file import SessionClient, SessionFile, session_path
from basketry_cli.terminal import DEFAULT_GATEWAY, Terminal

RISK = "Crypto assets can lose all their value, and orders trade at once. Have you read this, and accept it?"


def login(
    email: Annotated[str, typer.Option("--email", prompt=True)],
    password: Annotated[str, typer.Option("--password", envvar="BASKETRY_PASSWORD", prompt=True, hide_input=True)],
    gateway: Gateway = "",
    register: Annotated[
        bool, typer.Option("--register", help="Sign up first; asks whether you accept the risk.")
    ] = False,
    accept_risk: Annotated[bool, typer.Option("--accept-risk", help="With --register: do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Sign in; later commands use this session. BASKETRY_PASSWORD keeps the password off the command line."""
    terminal = Terminal(as_json=as_json)

    async def work() -> Exit | None:
        if register and not accept_risk and not terminal.confirm(RISK):
            raise Wish("without accepting the risk there is no account (--accept-risk says it without a question)")
        async with SessionClient(gateway or DEFAULT_GATEWAY, SessionFile()) as client:
            if register:
                await client.register(email, password)
            await client.login(email, password)
            words = f"signed in at {client.url} as {email}; the session is in {session_path()}"
            terminal.show(words, {"gateway": client.url, "email": email, "session": str(session_path())})
        return None

    terminal.run(work)
