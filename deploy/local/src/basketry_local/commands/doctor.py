"""`./basketry doctor`: what this machine has, what it lacks, and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console

from basketry_local.data_folder import DataFolder
from basketry_local.environment import DEFAULT_PORTS
from basketry_local.layout import project_root
from basketry_local.os_user import NoOsUser, unprivileged_user
from basketry_local.ports import is_free
from basketry_local.servers.binaries import nats_server, postgres_programs

_DISK_GB = 3
_MEMORY_GB = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `cure` says what to do when it is not well."""

    what: str
    well: bool
    cure: str = ""


def run(*, quiet: bool) -> int:
    """Exit status 0 when Basketry can run here, 1 when something must be mended first."""
    console = Console(stderr=quiet)
    findings = [finding for examine in _EXAMINATIONS for finding in examine()]
    for finding in findings:
        if finding.well and not quiet:
            console.print(f"[green]✓[/] {finding.what}", highlight=False)
        if not finding.well:
            console.print(f"[red]✗[/] {finding.what}: {finding.cure}", highlight=False)
    return 0 if all(finding.well for finding in findings) else 1


def _python() -> Iterator[Finding]:
    yield Finding(
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}",
        (3, 11) <= sys.version_info[:2] <= (3, 13),
        "Python 3.11, 3.12 or 3.13 is needed",
    )


def _servers() -> Iterator[Finding]:
    try:
        user = unprivileged_user()
    except NoOsUser as missing:
        yield Finding("an account for PostgreSQL", well=False, cure=str(missing))
        return
    yield Finding(f"PostgreSQL runs as {user.name if user else 'you'}", well=True)
    for name, command in (
        ("PostgreSQL", [str(postgres_programs(user) / "postgres"), "--version"]),
        ("NATS", [str(nats_server()), "--version"]),
    ):
        try:
            said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        except OSError as failure:
            yield Finding(name, well=False, cure=f"{failure}; remove .venv and run ./basketry again")
            continue
        yield Finding(said.stdout.strip() or name, said.returncode == 0, said.stderr.strip())


def _room() -> Iterator[Finding]:
    free_gb = shutil.disk_usage(project_root()).free / 1e9
    yield Finding(f"{free_gb:.0f} GB of free disk", free_gb > _DISK_GB, f"{_DISK_GB} GB are needed")
    memory_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    yield Finding(f"{memory_gb:.0f} GB of memory", memory_gb > _MEMORY_GB, f"{_MEMORY_GB} GB are needed")
    folder = DataFolder.of_this_machine().root
    existing = folder if folder.exists() else folder.parent
    yield Finding(f"data in {folder}", os.access(existing, os.W_OK), "the folder is not writable; set BASKETRY_DATA")


def _ports() -> Iterator[Finding]:
    if DataFolder.of_this_machine().state() is not None:
        yield Finding("Basketry is up", well=True)
        return
    for part, port in DEFAULT_PORTS.items():
        taken = "" if is_free(port) else " is taken: another one will be used"
        yield Finding(f"port {port} for {part.replace('_', '-')}{taken}", well=True)


_EXAMINATIONS: tuple[Callable[[], Iterator[Finding]], ...] = (_python, _servers, _room, _ports)
