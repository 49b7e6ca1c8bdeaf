"""A person at a terminal: the real program behind a pseudo terminal, what it draws, and what is typed."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.testing import eventually

ROWS, COLUMNS = 50, 110
UP = re.compile(r"\x1b\[(\d*)A")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


@dataclass
class Screen:
    """One program's terminal.

    Attributes:
        raw: Everything it wrote, with the sequences that move the cursor.
        exit_code: When it has ended.
    """

    handle: int
    process: subprocess.Popen[bytes]
    raw: str = ""
    exit_code: int | None = None

    @property
    def text(self) -> str:
        """What it wrote, without colours and movements."""
        return _ESCAPES.sub("", self.raw)

    @property
    def redraws(self) -> int:
        """How often it went up again to draw over what was there."""
        return len(UP.findall(self.raw))

    def types(self, words: str) -> None:
        """Type a line."""
        os.write(self.handle, f"{words}\n".encode())

    def presses_ctrl_c(self) -> None:
        """As the key does: the terminal itself turns it into the signal."""
        os.write(self.handle, b"\x03")

    async def sees(self, words: str, *, timeout_s: float = 40) -> None:
        """Wait until it was written."""

        def look() -> bool:
            assert words in self.text, self.text[-3000:]
            return True

        await eventually(look, timeout_s=timeout_s, because=f"{words!r} is on the screen")

    async def ends(self, *, timeout_s: float = 40) -> int:
        """The exit status."""
        await eventually(lambda: self.exit_code is not None, timeout_s=timeout_s, because="the program ends")
        assert self.exit_code is not None
        return self.exit_code


@contextlib.asynccontextmanager
async def at_a_terminal(*arguments: str, environment: Mapping[str, str]) -> AsyncIterator[Screen]:
    """`./basketry ARGUMENTS…` at a terminal of its own; ended with the block."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = _started(arguments, theirs, {**os.environ, "TERM": "xterm-256color", **environment})
    os.close(theirs)
    screen = Screen(ours, process)
    reading = asyncio.create_task(asyncio.to_thread(_read, screen))
    try:
        yield screen
    finally:
        if process.poll() is None:
            process.kill()
        await asyncio.wait_for(reading, 20)
        os.close(ours)


def said(environment: Mapping[str, str], *arguments: str, piped: str = "") -> subprocess.CompletedProcess[str]:
    """`./basketry ARGUMENTS…` run to its end without a terminal, as a script does; `piped` is all that it reads."""
    return subprocess.run(
        [sys.executable, "-m", "basketry_local", *arguments],
        env={**os.environ, **environment},
        input=piped,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def answer(environment: Mapping[str, str], *arguments: str) -> Any:
    """What a command that went well printed, as the one JSON document that it is."""
    done = said(environment, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _started(arguments: Sequence[str], terminal: int, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "basketry_local", *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment,
        start_new_session=True,
        preexec_fn=_own_terminal,  # noqa: PLW1509 - Ctrl-C reaches only who has the terminal
    )


def _own_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read(screen: Screen) -> None:
    pieces: list[bytes] = []
    while True:
        try:
            piece = os.read(screen.handle, 65_536)
        except OSError:  # the other end is closed: the program is gone
            break
        if not piece:
            break
        pieces.append(piece)
        screen.raw = b"".join(pieces).decode("utf-8", "replace")
    screen.exit_code = screen.process.wait(20)
