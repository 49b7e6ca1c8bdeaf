"""`export`: orders, fills and lots as a table, for spreadsheets and tax programs."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import AsyncIterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from basketry_cli.choosing import position_meant
from basketry_cli.exits import Exit
from basketry_cli.gateway import GatewayClient
from basketry_cli.options import AsJson, Gateway
from basketry_cli.problems import Wish
from basketry_cli.terminal import Terminal


class What(StrEnum):
    """Which table."""

    ORDERS = "orders"
    FILLS = "fills"
    LOTS = "lots"


class Form(StrEnum):
    """How it is written."""

    CSV = "csv"
    JSON = "json"


def export(
    what: Annotated[What, typer.Argument(help="lots are the cost basis, match by match.")],
    position: Annotated[str, typer.Option("--position", help="The beginning of an id; all if left out.")] = "",
    form: Annotated[Form | None, typer.Option("--format", help="As the file is named if left out, else csv.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", dir_okay=False, help="File; stdout if left out.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    gateway: Gateway = "",
    as_json: AsJson = False,
) -> None:
    """Orders, fills or lots as CSV or JSON, to a file or stdout.

    With --json the table is JSON, or with --out a JSON object says what was written. A file is there whole or not at all.
    """
    terminal = Terminal(as_json=as_json)
    written = form or _by_name(out) or (Form.JSON if as_json and out is None else Form.CSV)

    async def work(client: GatewayClient) -> Exit | None:
        if out is not None and out.exists() and not force:
            raise Wish(f"{out} is there already: --force writes over it")
        chosen = str((await position_meant(client, position))["position_id"]) if position else ""
        async with client.table(what.value, written.value, chosen) as pieces:
            if out is None:
                await _to_stdout(pieces)
                return None
            size = await _to_file(pieces, out)
        terminal.show(f"{out}: {what.value} as {written.value}, {size:,} bytes", _told(out, what, written, size))
        return None

    terminal.run_signed_in(gateway, work)


def _by_name(out: Path | None) -> Form | None:
    known = {f".{form.value}": form for form in Form}
    return known.get(out.suffix.lower()) if out is not None else None


def _told(out: Path, what: What, written: Form, size: int) -> dict[str, str | int]:
    return {"file": str(out), "table": what.value, "format": written.value, "bytes": size}


async def _to_stdout(pieces: AsyncIterator[bytes]) -> None:
    async for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


async def _to_file(pieces: AsyncIterator[bytes], out: Path) -> int:
    """Beside its place first: a table that broke off must not look like a whole one. Readable by its owner only."""
    try:
        handle, fresh = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    except OSError as error:
        raise Wish(f"{out} cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            async for piece in pieces:
                file.write(piece)
            size = file.tell()
        os.replace(fresh, out)  # noqa: PTH105 - no more than a name; nothing here waits for it
    except BaseException:
        os.unlink(fresh)  # noqa: PTH108
        raise
    return size
