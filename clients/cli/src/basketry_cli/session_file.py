"""The terminal's sign-ins, one per gateway, kept between commands in a file that only its owner reads."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from basketry_cli.gateway import GatewayClient, Tokens

LOCK_TRIES = 200
LOCK_PAUSE_S = 0.1


def session_path() -> Path:
    """`$XDG_CONFIG_HOME/basketry/session.json`, or where BASKETRY_SESSION says."""
    given = os.environ.get("BASKETRY_SESSION")
    if given:
        return Path(given)
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "basketry" / "session.json"


class SessionFile:
    """Sign-ins by gateway: the tokens of one are never sent to another."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or session_path()

    @property
    def gateway(self) -> str | None:
        """Where the last sign-in was."""
        found = self._read().get("gateway")
        return str(found) if found else None

    def tokens(self, gateway: str) -> Tokens | None:
        """The sign-in at a gateway."""
        found = self._read()["sessions"].get(gateway)
        return Tokens(access=found["access"], refresh=found["refresh"]) if found else None

    def keep(self, gateway: str, tokens: Tokens, *, current: bool = False) -> None:
        """Remember the tokens of a gateway; mode 0600."""
        content = self._read()
        content["sessions"][gateway] = {"access": tokens.access, "refresh": tokens.refresh}
        if current or not content.get("gateway"):
            content["gateway"] = gateway
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._path.with_suffix(f".{os.getpid()}.new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(content, file)
        fresh.replace(self._path)

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Alone among all commands of this user; after 20 s without the lock whoever holds it is stuck."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _opened(self._path.with_suffix(".lock")) as handle:
            for _ in range(LOCK_TRIES):
                if _taken(handle):
                    break
                await asyncio.sleep(LOCK_PAUSE_S)
            yield

    def _read(self) -> dict[str, Any]:
        """What is there; anything that is not ours counts as nothing."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            sessions = {
                str(url): {"access": str(one["access"]), "refresh": str(one["refresh"])}
                for url, one in found["sessions"].items()
            }
            return {"gateway": found.get("gateway"), "sessions": sessions}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {"gateway": None, "sessions": {}}


class SessionClient(GatewayClient):
    """A client whose tokens live in the session file.

    A refresh token works once, and a second use ends the whole sign-in: so commands that run side by side take turns,
    and one that finds newer tokens in the file takes those.
    """

    def __init__(self, url: str, file: SessionFile) -> None:
        super().__init__(url)
        self._file = file
        self.tokens = file.tokens(self.url)

    async def login(self, email: str, password: str) -> Tokens:
        """Sign in, and remember it."""
        tokens = await super().login(email, password)
        self._file.keep(self.url, tokens, current=True)
        return tokens

    async def refresh(self) -> Tokens:
        """The tokens that another command got in the meantime, or new ones."""
        async with self._file.locked():
            kept = self._file.tokens(self.url)
            if kept is not None and self.tokens is not None and kept.access != self.tokens.access:
                self.tokens = kept
                return kept
            tokens = await super().refresh()
            self._file.keep(self.url, tokens)
            return tokens


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
