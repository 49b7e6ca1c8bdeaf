"""What the runner shows while things start and run: one line a part, live on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

_MARKS = {"ready": "[green]●[/]", "starting": "[yellow]○[/]", "failed": "[red]●[/]", "stopped": "[dim]○[/]"}


@dataclass(slots=True)
class PartState:
    """A part's last news."""

    state: str
    since: float
    note: str = ""


class Board:
    """The parts and their states, on stderr so that stdout stays free for answers.

    Args:
        console: Where to draw.
        quiet: Draw nothing (tests).
    """

    def __init__(self, console: Console | None = None, *, quiet: bool = False) -> None:
        self.console = console or Console(stderr=True, quiet=quiet)
        self.parts: dict[str, PartState] = {}
        self._begun = time.monotonic()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._begun = time.monotonic()
        if self.console.is_terminal:
            self._live = Live(console=self.console, get_renderable=self._table, refresh_per_second=8, transient=True)
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        if self._live is not None:
            self._live.__exit__(kind, error, trace)
            self._live = None

    def set(self, part: str, state: str, note: str = "") -> None:
        """News of a part: `starting`, `ready`, `failed`, `stopped`."""
        self.parts[part] = PartState(state, time.monotonic(), note)
        if self._live is None:
            after = time.monotonic() - self._begun
            words = f"{part.replace('_', '-')} {state}" + (f" ({note})" if note else "")
            self.console.print(f"[dim]{after:6.1f} s[/] {words}", highlight=False)

    def say(self, text: str) -> None:
        """A sentence above the table."""
        self.console.print(text, highlight=False, soft_wrap=True)

    def elapsed_s(self) -> float:
        """Seconds since drawing began."""
        return time.monotonic() - self._begun

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for part, news in self.parts.items():
            seconds = (news.since if news.state == "ready" else time.monotonic()) - self._begun
            mark = _MARKS.get(news.state, "○")
            table.add_row(mark, part.replace("_", "-"), news.state, f"[dim]{seconds:.1f} s[/]", f"[dim]{news.note}[/]")
        return table
