"""Book topics and connections: snapshots, changes, order, silence."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from paper_exchange.inbound.book_stream import BookTopic
from paper_exchange.inbound.socket import Socket
from shared.testing import eventually

Frame = dict[str, Any]
levels = st.dictionaries(st.integers(1, 12).map(str), st.integers(1, 5).map(str), max_size=8)


def book(bids: dict[str, str], asks: dict[str, str], seq: int = 1) -> Frame:
    return {"s": "BTCUSDT", "b": [list(row) for row in bids.items()], "a": [list(row) for row in asks.items()],
            "seq": seq}  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(levels, levels), min_size=2, max_size=8))
def test_a_listener_who_applies_every_change_holds_the_book(
    states: list[tuple[dict[str, str], dict[str, str]]],
) -> None:
    topic = BookTopic("orderbook.50.BTCUSDT")
    first = orjson.loads(topic.snapshot(book(*states[0]), now_ms=1))
    assert (first["type"], first["data"]["u"]) == ("snapshot", 1)
    held = {side: dict(first["data"][side]) for side in ("b", "a")}
    last_u = 1
    for number, state in enumerate(states[1:], 2):
        frame = topic.change(book(*state, number), now_ms=number)
        if frame is not None:
            told = orjson.loads(frame)
            assert (told["type"], told["data"]["u"], told["data"]["seq"]) == ("delta", last_u + 1, number)
            last_u += 1
            for side in ("b", "a"):
                for price, size in told["data"][side]:
                    if size == "0":
                        del held[side][price]
                    else:
                        held[side][price] = size
        assert (held["b"], held["a"]) == state


def test_the_best_level_is_told_whole_and_again_after_three_seconds() -> None:
    topic = BookTopic("orderbook.1.BTCUSDT")
    one, other = book({"9": "1"}, {"10": "1"}), book({"9": "2"}, {"10": "1"})
    topic.snapshot(one, now_ms=0)
    assert topic.change(one, now_ms=2_999) is None
    again = topic.change(one, now_ms=3_000)
    changed = topic.change(other, now_ms=3_020)
    told = [orjson.loads(frame) for frame in (again, changed) if frame is not None]
    assert [(frame["type"], frame["data"]["u"], frame["data"]["b"]) for frame in told] == [
        ("snapshot", 2, [["9", "1"]]),
        ("snapshot", 3, [["9", "2"]]),
    ]


def test_who_comes_later_gets_the_state_that_the_next_change_applies_to() -> None:
    topic = BookTopic("orderbook.50.BTCUSDT")
    topic.snapshot(book({"9": "1"}, {}), now_ms=0)
    topic.change(book({"9": "2"}, {}), now_ms=1)
    later = orjson.loads(topic.snapshot(book({"9": "3"}, {}), now_ms=2))
    assert (later["data"]["u"], later["data"]["b"]) == (2, [["9", "2"]])


class Wire:
    """The other end of a connection."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, message: MutableMapping[str, Any]) -> None:
        self.sent.append(message.get("text", message["type"]))

    async def receive(self) -> MutableMapping[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError("nothing comes")


async def test_a_connection_without_traffic_ends() -> None:
    wire = Wire()
    socket = Socket(wire.receive, wire.send, "c", "127.0.0.1", idle_s=0.05)
    assert await asyncio.wait_for(socket.operation(), 5) is None


async def test_a_frame_kept_back_comes_after_the_next_or_alone_after_a_moment() -> None:
    wire = Wire()
    socket = Socket(wire.receive, wire.send, "c", "127.0.0.1")
    sending = asyncio.create_task(socket.send_frames())
    socket.push_after_next(b"first")
    socket.push(b"second")
    socket.empty_pocket()
    socket.push_after_next(b"alone")
    await eventually(lambda: len(wire.sent) == 3, because="all frames leave")
    assert wire.sent == ["second", "first", "alone"]
    socket.close()
    await sending
