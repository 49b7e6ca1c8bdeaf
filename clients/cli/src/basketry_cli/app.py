"""Basketry from a terminal: sign in, look at indices, plan, buy, watch. Works with any gateway."""

from __future__ import annotations

import typer

from basketry_cli.amounts import AmountCommand
from basketry_cli.commands.activity import activity, flows
from basketry_cli.commands.buy import buy, execute
from basketry_cli.commands.export import export
from basketry_cli.commands.halt import halt, release
from basketry_cli.commands.index import index
from basketry_cli.commands.keys import keys
from basketry_cli.commands.limits import limits
from basketry_cli.commands.login import login
from basketry_cli.commands.new_index import new_index
from basketry_cli.commands.plan import plan
from basketry_cli.commands.positions import positions
from basketry_cli.commands.rebalancing import rebalancing
from basketry_cli.commands.results import results
from basketry_cli.commands.shortages import shortages
from basketry_cli.commands.watch import watch

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
COMMANDS = (
    ("login", login),
    ("index", index),
    ("new-index", new_index),
    ("plan", plan),
    ("buy", buy),
    ("execute", execute),
    ("positions", positions),
    ("rebalancing", rebalancing),
    ("watch", watch),
    ("results", results),
    ("export", export),
    ("activity", activity),
    ("keys", keys),
    ("flows", flows),
    ("shortages", shortages),
    ("limits", limits),
    ("halt", halt),
    ("release", release),
)
for name, command in COMMANDS:
    app.command(name, cls=AmountCommand)(command)


def mount(other: typer.Typer) -> None:
    """Give another program these commands."""
    other.registered_commands += app.registered_commands
