"""A view that redraws in place on a terminal; elsewhere a line for each turn of the story."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text


class LiveTable:
    """Draws on a console.

    Args:
        console: If it is no terminal, only what `turn` says is printed, once.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="visible")
        self._turn = ""
        self._drawn: RenderableType = Text("")

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last picture on the screen, without its caption."""
        if self._console.is_terminal:
            self._live.update(self._drawn, refresh=True)
            self._live.stop()

    def draw(self, view: RenderableType, *, turn: str, caption: str = "") -> None:
        """The next picture; `turn` names the state of things for those who do not see pictures."""
        self._drawn = view
        if self._console.is_terminal:
            self._live.update(Group(view, Text(caption, style="dim")) if caption else view, refresh=True)
        elif turn != self._turn:
            self._console.print(turn, soft_wrap=True)
        self._turn = turn

    def conclude(self) -> None:
        """The last picture, for those who have seen none."""
        if not self._console.is_terminal:
            self._console.print(self._drawn)
