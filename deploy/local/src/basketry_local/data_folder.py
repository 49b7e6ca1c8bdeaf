"""The one folder in which a local Basketry keeps everything, and the lock that lets one runner at a time into it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from basketry_local.layout import project_root
from basketry_local.processes import start_token


class AlreadyRunning(RuntimeError):
    """Another runner works in this folder."""


@dataclass(frozen=True, slots=True)
class RunningState:
    """What a running `up` tells the other commands.

    Args:
        pid: The runner's process.
        token: Tells it from a later process with the same number.
        addresses: URL by part: `gateway`, `exchange`, `coingecko`, `nats` and every service's health port.
    """

    pid: int
    token: str
    addresses: dict[str, str]

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return bool(self.token) and start_token(self.pid) == self.token


class DataFolder:
    """Paths below one folder.

    Args:
        root: `.basketry` in the project, or what BASKETRY_DATA says.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.logs = self.root / "logs"
        self.run = self.root / "run"
        self.secrets = self.root / "secrets"
        self.postgres = self.root / "postgres"
        self.nats = self.root / "nats"
        self.exchange = self.root / "paper-exchange"
        self._state = self.run / "state.json"

    @classmethod
    def of_this_machine(cls) -> DataFolder:
        """The folder the commands use."""
        given = os.environ.get("BASKETRY_DATA")
        return cls(Path(given) if given else project_root() / ".basketry")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; the lock vanishes with the process, however it ends.

        Raises:
            AlreadyRunning: Another runner holds it.
        """
        self.run.mkdir(mode=0o755, parents=True, exist_ok=True)
        with (self.root / "lock").open("a", encoding="utf-8") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                state = self.state()
                where = state.addresses.get("gateway", "") if state else ""
                raise AlreadyRunning(
                    f"Basketry is already up in {self.root}" + (f" at {where}" if where else "")
                ) from None
            try:
                yield
            finally:
                fcntl.flock(handle, fcntl.LOCK_UN)

    def write_state(self, addresses: dict[str, str]) -> None:
        """Tell the other commands that this process is up."""
        state = RunningState(pid=os.getpid(), token=start_token(os.getpid()) or "", addresses=addresses)
        self.run.mkdir(parents=True, exist_ok=True)
        fresh = self._state.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(state), indent=1), encoding="utf-8")
        fresh.replace(self._state)

    def clear_state(self) -> None:
        """This process is going down."""
        self._state.unlink(missing_ok=True)

    def state(self) -> RunningState | None:
        """The runner that is up now, if any."""
        try:
            state = RunningState(**json.loads(self._state.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return state if state.alive else None

    def erase(self) -> None:
        """Delete everything, the database included; only while nobody holds the folder."""
        elsewhere = self.postgres / "location"
        if elsewhere.exists():
            shutil.rmtree(Path(elsewhere.read_text(encoding="utf-8").strip()), ignore_errors=True)
        for entry in self.root.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != "lock":
                entry.unlink()
