"""Basketry from a terminal: sign in, look at indices, plan, buy, watch. Works with any gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.live import Live

from basketry_cli.gateway import GatewayClient
from basketry_cli.problems import ApiProblem
from basketry_cli.session_file import open_session, save_session
from basketry_cli.views import index_table, plan_table, position_panel, positions_table

_RESUME_AFTER_S = 0.5
console = Console()
app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


def mount(other: typer.Typer) -> None:
    """Give another program these commands."""
    other.registered_commands += app.registered_commands


@app.command()
def login(
    email: Annotated[str, typer.Option(prompt=True)],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True)],
    url: Annotated[str, typer.Option(help="The gateway.")] = "http://127.0.0.1:8080",
) -> None:
    """Sign in; later commands use this session."""

    async def work() -> None:
        async with GatewayClient(url) as client:
            await client.login(email, password)
            save_session(client)
            console.print(f"signed in at {client.url}")

    _run(work())


@app.command()
def index(index_id: Annotated[str, typer.Argument()] = "") -> None:
    """The indices, or one with its constituents."""

    async def work(client: GatewayClient) -> None:
        for one in [await client.index(index_id)] if index_id else await client.indices():
            console.print(index_table(one))

    _with_session(work)


@app.command()
def plan(
    index_id: str, amount: str, account: Annotated[str, typer.Option(help="Account; the newest if left out.")] = ""
) -> None:
    """What buying AMOUNT USDT of an index would do; nothing is sent."""

    async def work(client: GatewayClient) -> None:
        made = await client.plan(index=index_id, amount=amount, account=account or await _newest_account(client))
        console.print(plan_table(made))

    _with_session(work)


@app.command()
def buy(
    index_id: str,
    amount: str,
    account: Annotated[str, typer.Option(help="Account; the newest if left out.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Plan, ask, buy and watch the legs fill."""

    async def work(client: GatewayClient) -> None:
        made = await client.plan(index=index_id, amount=amount, account=account or await _newest_account(client))
        console.print(plan_table(made))
        if not yes and not typer.confirm("Buy this?"):
            return
        accepted = await client.open_position(made["plan_id"])
        await _follow(client, accepted["position_id"], until_settled=True)

    _with_session(work)


@app.command()
def positions() -> None:
    """Your positions."""

    async def work(client: GatewayClient) -> None:
        console.print(positions_table(await client.positions()))

    _with_session(work)


@app.command()
def watch(position_id: str) -> None:
    """A position live, until Ctrl-C."""
    _with_session(lambda client: _follow(client, position_id, until_settled=False))


async def _follow(client: GatewayClient, position_id: str, *, until_settled: bool) -> None:
    last_id: str | None = None
    with Live(console=console) as live:
        while True:  # a stream that ends, as at a deployment, is resumed where it ended
            async with client.events(last_id) as events:
                async for event in events:
                    last_id = event.id or last_id
                    position = await client.position(position_id)
                    live.update(position_panel(position))
                    if until_settled and position["status"] not in {"PENDING", "EXECUTING"}:
                        return
            await asyncio.sleep(_RESUME_AFTER_S)


async def _newest_account(client: GatewayClient) -> str:
    accounts = await client.keys()
    if not accounts:
        console.print("no account yet: opening one on the paper exchange, with play money")
        accounts = [await client.open_paper_account()]
    return str(accounts[0].get("account_id") or accounts[0]["key_id"])


def _with_session(work: Callable[[GatewayClient], Awaitable[None]]) -> None:
    async def session() -> None:
        client = open_session()
        if client is None:
            raise ApiProblem(401, {"detail": "Sign in first: ./basketry login"})
        async with client:
            try:
                await work(client)
            finally:
                save_session(client)  # the tokens may have been refreshed

    _run(session())


def _run(work: Awaitable[Any]) -> None:
    async def body() -> None:
        await work

    try:
        asyncio.run(body())
    except ApiProblem as problem:
        console.print(f"[red]{problem}[/]")
        raise typer.Exit(1) from None
    except httpx.HTTPError as failure:
        console.print(f"[red]the gateway does not answer:[/] {str(failure) or type(failure).__name__}")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
