"""What a product's public socket can tell: the port between who listens and what there is to tell."""

from __future__ import annotations

from typing import Any, Protocol

import orjson

from paper_exchange.domain.candle_span import candle_end
from paper_exchange.domain.candles import Candle


class Topics(Protocol):
    """The topics of one public socket.

    Attributes:
        path: The socket, as faults name it.
        most_args: Topics that one operation may name; 0: any number.
    """

    path: str
    most_args: int

    @property
    def now_ms(self) -> int:
        """When the prices were made, epoch milliseconds."""
        ...

    def knows(self, topic: str) -> bool:
        """Whether somebody may listen to it."""
        ...

    def book(self, topic: str) -> dict[str, Any]:
        """The book that a topic tells of: `s, b, a, seq`, sides best first."""
        ...

    def first(self, topic: str) -> list[bytes]:
        """What a new listener is told at once; books aside."""
        ...

    def told(self, topic: str) -> list[bytes]:
        """What everybody is told after the prices moved; books aside."""
        ...


class BareTopics:
    """A socket that takes subscriptions and has nothing to tell.

    Args:
        path: The socket, as faults name it.
        names: What one may listen to.
    """

    def __init__(self, path: str, names: frozenset[str] = frozenset()) -> None:
        self.path = path
        self.most_args = 0
        self.now_ms = 0
        self._names = names

    def knows(self, topic: str) -> bool:
        """See `Topics`."""
        return topic in self._names

    def book(self, topic: str) -> dict[str, Any]:
        """See `Topics`; there is none.

        Raises:
            KeyError: always.
        """
        raise KeyError(topic)

    def first(self, _topic: str) -> list[bytes]:
        """See `Topics`."""
        return []

    def told(self, _topic: str) -> list[bytes]:
        """See `Topics`."""
        return []


def is_book(topic: str) -> bool:
    """Whether a topic tells of a book."""
    return topic.startswith("orderbook.")


def candle_frame(topic: str, candle: Candle, row: list[str], *, minutes: int, confirm: bool, now_ms: int) -> bytes:
    """A candle as the streams show it.

    Args:
        topic: Such as `kline.1.BTCUSDT`.
        candle: Its start.
        row: Start, open, high, low, close, volume, turnover, as REST shows them.
        minutes: Its length.
        confirm: It is over.
        now_ms: Epoch milliseconds.
    """
    names = ("start", "open", "high", "low", "close", "volume", "turnover")
    told = dict(zip(names, row, strict=True))
    data = {"start": candle.start_ms, "end": candle_end(candle.start_ms, minutes=minutes) - 1,
            "interval": topic.split(".")[1], "open": told["open"], "close": told["close"], "high": told["high"],
            "low": told["low"], "volume": told["volume"], "turnover": told["turnover"], "confirm": confirm,
            "timestamp": now_ms}  # fmt: skip
    return orjson.dumps({"topic": topic, "data": [data], "ts": now_ms, "type": "snapshot"})


class CandleStarts:
    """Which candle each topic told last, so that its end is told once."""

    def __init__(self) -> None:
        self._starts: dict[str, int] = {}

    def turn(self, topic: str, rows: list[Candle]) -> list[tuple[Candle, bool]]:
        """What to tell of the newest two candles: the one that has just closed, confirmed, then the one that runs."""
        known = self._starts.get(topic)
        if rows:
            self._starts[topic] = rows[0].start_ms
        closed = [(row, True) for row in rows[1:] if known == row.start_ms]
        return [*closed, *((row, False) for row in rows[:1])]
