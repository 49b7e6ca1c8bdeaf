"""The unprivileged account that PostgreSQL runs as when the runner itself is root, since it refuses root."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

_CANDIDATES = ("postgres", "_postgres", "nobody")


class NoOsUser(RuntimeError):
    """Root without any account to give up its rights to."""


@dataclass(frozen=True, slots=True)
class OsUser:
    """An account of the operating system."""

    name: str
    uid: int
    gid: int

    def can(self, test: str, path: Path) -> bool:
        """Whether this user passes the shell's `test` (`-w`, `-x`, …) on a path: asked of the system, not guessed."""
        command = ["/bin/sh", "-c", f'test {test} "$1"', "sh", str(path)]
        asked = subprocess.run(command, user=self.uid, group=self.gid, extra_groups=[], cwd="/", check=False)
        return asked.returncode == 0

    def own(self, path: Path) -> None:
        """Give a folder, with what is in it, to this user."""
        for entry in (path, *path.rglob("*")):
            os.chown(entry, self.uid, self.gid, follow_symlinks=False)


def unprivileged_user() -> OsUser | None:
    """The account to use, or None where the caller is an ordinary user anyway.

    Raises:
        NoOsUser: The caller is root and the machine knows none of the usual accounts.
    """
    if os.geteuid() != 0:
        return None
    for name in (os.environ.get("BASKETRY_OS_USER", ""), *_CANDIDATES):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return OsUser(name=name, uid=found.pw_uid, gid=found.pw_gid)
    raise NoOsUser("PostgreSQL does not run as root: name an account of this machine in BASKETRY_OS_USER")
