"""Basketry's commands. Bodies import what they need, so that `--help` and `status` answer at once."""

# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from basketry_cli.app import mount

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Buy, hold and sell a crypto index on your own Bybit account, or on the paper exchange on this machine.",
)

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")]


def _say_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version as of_package

        typer.echo(f"basketry {of_package('basketry-cli')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Say which version this is.")
    ] = False,
) -> None:
    """Options of the program itself."""


@app.command()
def up() -> None:
    """Start everything, until Ctrl-C.

    Prints the addresses and a demo login. What is bought is kept in the data folder: the next `up` goes on with it.
    """
    from basketry_local.commands import up as command

    raise typer.Exit(command.run())


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End when the P&L has moved.")] = False,
    as_json: Json = False,
) -> None:
    """Buy an index with play money, and watch its P&L live.

    Signs up a user with a paper account; in a running `up` if there is one.
    """
    from basketry_local.commands import demo as command

    raise typer.Exit(command.run(once=once, as_json=as_json))


@app.command()
def status(as_json: Json = False) -> None:
    """Which parts are up and ready."""
    from basketry_local.commands import status as command

    raise typer.Exit(command.run(as_json=as_json))


@app.command()
def reset(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete the local data: accounts, positions, secrets, logs."""
    from basketry_local.commands import reset as command

    raise typer.Exit(command.run(yes=yes))


@app.command()
def exchange(port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8090) -> None:
    """The paper exchange alone, in the foreground."""
    from basketry_local.commands import exchange as command

    raise typer.Exit(command.run(port=port))


@app.command("test")
def run_tests(
    suite: Annotated[str | None, typer.Argument(help="check, unit, integration, journeys, faults or security.")] = None,
    every: Annotated[bool, typer.Option("--all", help="The slow ones too.")] = False,
) -> None:
    """Types, lint and contracts, then every suite, or the named one."""
    from basketry_local.commands import test as command

    raise typer.Exit(command.run(suite=suite, every=every))


@app.command()
def check() -> None:
    """Types, lint, import contracts and schemas."""
    from basketry_local.commands import test as command

    raise typer.Exit(command.run(suite="check", every=False))


@app.command()
def bench(as_json: Json = False) -> None:
    """Measure against peers and floors in the same run."""
    from basketry_local.commands import bench as command

    raise typer.Exit(command.run(as_json=as_json))


@app.command()
def conformance(
    environment: Annotated[str, typer.Option("--environment", help="testnet, demo or paper; never mainnet.")],
    url: Annotated[str | None, typer.Option("--url", help="Where the paper exchange is.")] = None,
    symbol: Annotated[str, typer.Option("--symbol", help="The spot pair to ask with.")] = "BTCUSDT",
    budget: Annotated[str, typer.Option("--budget", help="USDT that orders which may fill are worth in all.")] = "40",
    report: Annotated[Path, typer.Option("--report", help="Folder of the reports and of ids to ask again.")] = Path(
        "conformance"
    ),
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before trading.")] = False,
) -> None:
    """Ask a venue what only it can answer, with tiny orders.

    They are placed with your own testnet key; a report is written.

    The key comes from BASKETRY_CONFORMANCE_API_KEY and BASKETRY_CONFORMANCE_API_SECRET (or an RSA private key in PEM).
    A second run after a day asks whether old client order ids are still taken.
    """
    from basketry_local.commands import conformance as command

    options = command.Options(environment=environment, url=url, symbol=symbol, budget=budget, folder=report, yes=yes)
    raise typer.Exit(command.run(options))


@app.command()
def provision(
    nats_config: Annotated[
        Path | None, typer.Option("--nats-config", help="Write the NATS server's users here and end.")
    ] = None,
    env_file: Annotated[
        Path | None, typer.Option("--env-file", help="Write the variables of docker-compose.yml here and end.")
    ] = None,
) -> None:
    """Databases, roles, tables, streams and consumers, for operators.

    Its settings are PROVISION_… in the environment.
    """
    from basketry_local.commands import provision as command

    raise typer.Exit(command.run(nats_config=nats_config, env_file=env_file))


@app.command()
def doctor(quiet: Annotated[bool, typer.Option("--quiet", help="Only what is wrong.")] = False) -> None:
    """What is missing on this machine and how to get it."""
    from basketry_local.commands import doctor as command

    raise typer.Exit(command.run(quiet=quiet))


mount(app)
