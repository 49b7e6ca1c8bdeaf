"""Basketry from a terminal: sign in, look at indices, plan, buy, watch. Works with any gateway."""

from __future__ import annotations

import typer

from basketry_cli.commands.buy import buy, execute
from basketry_cli.commands.index import index
from basketry_cli.commands.login import login
from basketry_cli.commands.plan import plan
from basketry_cli.commands.positions import positions
from basketry_cli.commands.watch import watch

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
for command in (login, index, plan, buy, execute, positions, watch):
    app.command()(command)


def mount(other: typer.Typer) -> None:
    """Give another program these commands."""
    other.registered_commands += app.registered_commands
