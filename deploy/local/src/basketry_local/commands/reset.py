"""`./basketry reset`: a clean slate."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.prompt import Confirm

from basketry_local.data_folder import AlreadyRunning, DataFolder
from basketry_local.processes import ProcessRegister


def run(*, yes: bool) -> int:
    """Exit status 0 when the data is gone, 1 when the person said no, 2 when nobody is there, 3 while Basketry is up."""
    console = Console(stderr=True)
    folder = DataFolder.of_this_machine()
    if not folder.root.exists():
        console.print("there is no local data")
        return 0
    if not yes and not sys.stdin.isatty():
        console.print("nobody can be asked here, and nothing was deleted: --yes deletes without a question")
        return 2
    try:
        with folder.locked():
            if not yes and not _is_meant(console, folder):
                console.print("nothing was deleted")
                return 1
            ProcessRegister(folder.run).end_leftovers()
            folder.erase()
    except AlreadyRunning as already:
        console.print(f"{already}; stop it first (Ctrl-C in its terminal); nothing was deleted")
        return 3
    console.print("the local data is gone")
    return 0


def _is_meant(console: Console, folder: DataFolder) -> bool:
    question = f"Delete every local account, position, secret and log in {folder.root}?"
    return Confirm.ask(question, console=console, default=False)
