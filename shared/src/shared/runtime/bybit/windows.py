"""Histories of the venue are asked in windows of at most seven days."""

from __future__ import annotations

from collections.abc import Iterator

WINDOW_MS = 7 * 86_400_000


def windows(start_ms: int, end_ms: int, *, longest_ms: int = WINDOW_MS) -> Iterator[tuple[int, int]]:
    """Cut [start, end] into windows, oldest first.

    Neighbours share their boundary millisecond, so that nothing falls between them whichever side the venue excludes;
    rows are told apart by their ids.
    """
    left = start_ms
    while left < end_ms:
        right = min(left + longest_ms, end_ms)
        yield left, right
        left = right
