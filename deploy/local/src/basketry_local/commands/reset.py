"""`./basketry reset`: a clean slate."""

from __future__ import annotations

from rich.console import Console
from rich.prompt import Confirm

from basketry_local.data_folder import AlreadyRunning, DataFolder
from basketry_local.processes import ProcessRegister


def run(*, yes: bool) -> int:
    """Exit status 0 when the data is gone, 1 when the person said no, 3 while Basketry is up."""
    console = Console(stderr=True)
    folder = DataFolder.of_this_machine()
    if not folder.root.exists():
        console.print("there is no local data")
        return 0
    if not yes and not Confirm.ask(f"Delete every local account, position, secret and log in {folder.root}?"):
        return 1
    try:
        with folder.locked():
            ProcessRegister(folder.run).end_leftovers()
            folder.erase()
    except AlreadyRunning as already:
        console.print(f"{already}; stop it first")
        return 3
    console.print("the local data is gone")
    return 0
