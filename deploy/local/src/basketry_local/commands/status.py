"""`./basketry status`: what is up and whether it is ready."""

from __future__ import annotations

import asyncio
import json
import sys

import httpx
from rich.console import Console
from rich.table import Table

from basketry_local.data_folder import DataFolder, RunningState

_WITHOUT_HEALTH = ("nats", "coingecko")


def run(*, as_json: bool) -> int:
    """Exit status 0 when everything is ready, 1 when a part is not, 3 when nothing is up."""
    state = DataFolder.of_this_machine().state()
    if state is None:
        if as_json:
            sys.stdout.write(json.dumps({"up": False}) + "\n")
        else:
            Console().print("Basketry is not up; ./basketry up starts it")
        return 3
    ready = asyncio.run(readiness(state))
    if as_json:
        parts = {name: {"url": url, "ready": ready.get(name)} for name, url in state.addresses.items()}
        sys.stdout.write(json.dumps({"up": True, "pid": state.pid, "parts": parts}) + "\n")
    else:
        Console().print(_table(state, ready))
    return 0 if all(ready.values()) else 1


async def readiness(state: RunningState) -> dict[str, bool]:
    """Whether each part that tells its health is ready."""
    names = [name for name in state.addresses if name not in _WITHOUT_HEALTH]
    async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
        answers = await asyncio.gather(*(_is_ready(client, state.addresses[name]) for name in names))
    return dict(zip(names, answers, strict=True))


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/readyz")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _table(state: RunningState, ready: dict[str, bool]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, url in state.addresses.items():
        mark = {True: "[green]ready[/]", False: "[red]not ready[/]", None: ""}[ready.get(name)]
        table.add_row(name.replace("_", "-"), mark, url)
    return table
