"""`index`: what can be bought, and indices of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from basketry_cli.choosing import index_meant
from basketry_cli.exits import Exit
from basketry_cli.gateway import GatewayClient
from basketry_cli.options import AsJson, Gateway
from basketry_cli.terminal import Terminal
from basketry_cli.views.index import changes_table, index_table, indices_table, left_out_table, level_line

Body = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help='JSON: {"name": …, "rules": {"size": 5, "weighting": "sqrt_cap"}}.'),
]


def index(
    index_id: Annotated[str, typer.Argument(help="One of them, with its constituents; all if left out.")] = "",
    preview: Body = None,
    create: Body = None,
    edit: Body = None,
    delete: Annotated[bool, typer.Option("--delete", help="Take an index of your own away.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="What changed with the last version, and why.")] = False,
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """The indices, or one with its coins; or make your own."""
    terminal = Terminal(as_json=as_json)
    if (edit or delete or diff) and not index_id:
        raise typer.BadParameter("name the index", param_hint="INDEX_ID")

    async def work(client: GatewayClient) -> Exit | None:
        if preview is not None:
            _show(terminal, await client.preview_index(_read(preview)))
        elif create is not None:
            _show(terminal, await client.create_index(_read(create)))
        elif edit is not None:
            _show(terminal, await client.edit_index(await index_meant(client, index_id), _read(edit)))
        elif delete:
            await client.delete_index(await index_meant(client, index_id))
            terminal.note(f"{index_id} is gone; positions that follow it keep what they hold")
        elif diff:
            changed = await client.index_diff(await index_meant(client, index_id))
            terminal.show(changes_table(changed), changed)
        elif index_id:
            meant = await index_meant(client, index_id)
            _show(terminal, await client.index(meant), await client.index_level(meant))
        else:
            every = await client.indices()
            terminal.show(indices_table(every), {"items": every})
        return None

    terminal.run_signed_in(gateway, work)


def _show(terminal: Terminal, found: dict[str, Any], level: list[dict[str, Any]] | None = None) -> None:
    parts: list[RenderableType] = [index_table(found)]
    if found.get("exclusions"):
        parts.append(left_out_table(found["exclusions"]))
    terminal.show(Group(*parts, level_line(level or [])), {**found, "level": level} if level is not None else found)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise typer.BadParameter(f"{path.name} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise typer.BadParameter(f"{path.name} must hold one JSON object")
    return found
