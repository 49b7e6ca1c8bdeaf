"""PostgreSQL as a direct child over TCP on the loopback interface, with real roles and scram passwords."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from basketry_local.os_user import OsUser, unprivileged_user
from basketry_local.ports import LOOPBACK, free_port
from basketry_local.processes import spawn, start_token, stop
from basketry_local.servers.binaries import postgres_programs, reachable_folder

ADMIN = "basketry_admin"
_STARTUP_S = 60


class PostgresFailed(RuntimeError):
    """PostgreSQL did not start; the message says where its log is."""


class PostgresServer:
    """One PostgreSQL server on a data folder of its own.

    Args:
        folder: Its home; the data lives in `data` below it, or where the unprivileged account can reach it.
        password: Of the superuser `basketry_admin`; used when the data folder is made.
        log: The server's log file.
        durable: False switches fsync off: for tests, where only processes are killed, never the machine.
        port: 0 takes a free one.
    """

    def __init__(self, folder: Path, *, password: str, log: Path, durable: bool = True, port: int = 0) -> None:
        self.port = port or free_port()
        self._password = password
        self._log = log
        self._durable = durable
        self._user = unprivileged_user()
        self.data = _data_folder(folder, self._user)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def admin_dsn(self) -> str:
        """Opens the maintenance database as the superuser."""
        return self.dsn("postgres", ADMIN, self._password)

    def dsn(self, database: str, role: str, password: str) -> str:
        """The address of a database for a role."""
        return f"postgresql://{role}:{password}@{LOOPBACK}:{self.port}/{database}"

    def start(self) -> None:
        """Make the data folder if there is none, start the server and wait until it accepts connections.

        Raises:
            PostgresFailed: It died or was not ready in time.
        """
        self.end_leftover()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        programs = postgres_programs(self._user)
        self.process = spawn(
            [str(programs / "postgres"), "-D", str(self.data), *self._options()],
            log=self._log,
            user=self._user,
            last_signal=signal.SIGINT,
            environment={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
        )
        self._await_ready(self.process)

    def stop(self) -> None:
        """The fast stop: sessions end, everything committed stays."""
        if self.process is not None:
            stop(self.process, with_signal=signal.SIGINT, patience_s=15)

    def kill(self) -> None:
        """As a crash: nothing is written any more."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def end_leftover(self) -> None:
        """End a server that a killed runner left on this very data folder, since one folder takes one server."""
        pid = self._pid_on_data_folder()
        if pid is None:
            return
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                if self._pid_on_data_folder() != pid:
                    return
                time.sleep(0.02)

    def _pid_on_data_folder(self) -> int | None:
        """The postmaster that holds our data folder, proved by its command line."""
        try:
            pid = int((self.data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        if start_token(pid) is None:
            return None
        return pid if str(self.data) in _command_line(pid) else None

    def _initialise(self) -> None:
        if self.data.exists():
            shutil.rmtree(self.data)  # an earlier initdb was interrupted
        self.data.mkdir(mode=0o700, parents=True)
        if self._user:
            self._user.own(self.data)
        with _password_file(self._password, self._user) as password_file:
            made = subprocess.run(
                [
                    str(postgres_programs(self._user) / "initdb"),
                    *("-D", str(self.data), "-U", ADMIN, "-A", "scram-sha-256", "--pwfile", password_file),
                    *("--locale=C", "--encoding=UTF8"),
                    *([] if self._durable else ["--no-sync", "-c", "scram_iterations=16"]),
                ],
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
                user=self._user.uid if self._user else None,
                group=self._user.gid if self._user else None,
                extra_groups=[] if self._user else None,
            )
        if made.returncode:
            raise PostgresFailed(f"initdb failed: {made.stderr.strip()}")

    def _options(self) -> list[str]:
        settings = {"max_connections": "300", "shared_buffers": "64MB", "log_min_messages": "warning"}
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        given = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return ["-h", LOOPBACK, "-p", str(self.port), "-k", "", *given]

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _STARTUP_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise PostgresFailed(f"PostgreSQL ended with status {process.returncode}; its log: {self._log}")
            if self._says_ready(process.pid):
                return
            time.sleep(0.01)
        raise PostgresFailed(f"PostgreSQL was not ready after {_STARTUP_S} s; its log: {self._log}")

    def _says_ready(self, pid: int) -> bool:
        """Our own child reports in our own data folder, so a stranger on the port cannot be mistaken for it."""
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").split("\n")
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _data_folder(folder: Path, user: OsUser | None) -> Path:
    """Below `folder` where that is possible; otherwise where the account can get to, remembered in a file."""
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "location"
    if note.exists():
        return Path(note.read_text(encoding="utf-8").strip())
    if user is None or user.can("-x", folder):
        return (folder / "data").resolve()
    # A fresh name each time: when somebody deletes our folder by hand, the data of before has other passwords.
    elsewhere = reachable_folder() / "data" / secrets.token_hex(8)
    elsewhere.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    note.write_text(f"{elsewhere}\n", encoding="utf-8")
    return elsewhere


@contextlib.contextmanager
def _password_file(password: str, user: OsUser | None) -> Iterator[str]:
    handle, name = tempfile.mkstemp(prefix="basketry-")
    try:
        os.write(handle, password.encode())
        os.close(handle)
        if user:
            os.chown(name, user.uid, user.gid)
        yield name
    finally:
        Path(name).unlink()


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").replace("\0", " ")
    except OSError:
        listed = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return listed.stdout
