"""The order book topics: a snapshot first, then what changed; the best level is told whole each time."""

from __future__ import annotations

from typing import Any

import orjson

BEST = "1"
REPEAT_MS = 3_000
"""The best level is told again after so long without a change."""

Rows = list[list[str]]


class BookTopic:
    """What the listeners of one topic know of a book.

    `u` counts this topic's messages from 1 on, so that 1 says: the venue has started again, throw away what you hold.

    Args:
        topic: Such as `orderbook.50.BTCUSDT`.
    """

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._best_only = topic.split(".")[1] == BEST
        self._told: dict[str, Any] = {}
        self._sides: dict[str, dict[str, str]] = {"b": {}, "a": {}}
        self._u = 0
        self._told_ms = 0

    def snapshot(self, book: dict[str, Any], *, now_ms: int) -> bytes:
        """What a new listener gets: the state that the next change applies to."""
        if not self._u:
            self._remember(book, now_ms)
        return self._frame("snapshot", self._told, self._told_ms)

    def change(self, book: dict[str, Any], *, now_ms: int) -> bytes | None:
        """What everybody gets when the book may have changed; nothing when it has not.

        Args:
            book: `s, b, a, seq`, sides best first.
            now_ms: Epoch milliseconds.
        """
        if not self._u:
            return None
        rows = {side: _difference(self._sides[side], book[side]) for side in ("b", "a")}
        same = not rows["b"] and not rows["a"]
        if same and not (self._best_only and now_ms - self._told_ms >= REPEAT_MS):
            return None
        self._remember(book, now_ms)
        if self._best_only:
            return self._frame("snapshot", self._told, now_ms)
        return self._frame("delta", {**self._told, **rows}, now_ms)

    def _remember(self, book: dict[str, Any], now_ms: int) -> None:
        self._u += 1
        self._told = {"s": book["s"], "b": book["b"], "a": book["a"], "u": self._u, "seq": book["seq"]}
        self._sides = {side: dict(book[side]) for side in ("b", "a")}
        self._told_ms = now_ms

    def _frame(self, kind: str, data: dict[str, Any], now_ms: int) -> bytes:
        return orjson.dumps({"topic": self._topic, "type": kind, "ts": now_ms, "data": data, "cts": now_ms})


def _difference(known: dict[str, str], rows: Rows) -> Rows:
    """Levels that are gone, with size zero, then levels that are new or have another size; only known ones go."""
    fresh = dict(rows)
    gone = [[price, "0"] for price in known if price not in fresh]
    return gone + [[price, size] for price, size in rows if known.get(price) != size]
