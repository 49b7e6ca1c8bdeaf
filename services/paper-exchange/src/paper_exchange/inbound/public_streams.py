"""The public socket of a product: who listens to what, and what they are told when."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from paper_exchange.application.faults import Faults, Kind
from paper_exchange.application.tape import Print
from paper_exchange.inbound.book_stream import BookTopic
from paper_exchange.inbound.socket import Socket, kind_of, topics_of
from paper_exchange.inbound.spoilt_replies import cross
from paper_exchange.inbound.spot_topics import trade_frame
from paper_exchange.inbound.topics import Topics, is_book

MAX_CHARACTERS = 21_000
COALESCE_S = 0.02
"""What takers eat within so long is told at once (the venue: every 20 ms)."""


class PublicStreams:
    """Who listens to which topic; nothing is worked out that nobody listens to.

    Args:
        topics: What there is to tell.
        faults: What befalls the socket.
    """

    def __init__(self, topics: Topics, faults: Faults) -> None:
        self._topics = topics
        self._faults = faults
        self._listeners: dict[str, set[Socket]] = defaultdict(set)
        self._sockets: set[Socket] = set()
        self._books: dict[str, BookTopic] = {}
        self._eaten: set[str] = set()

    @property
    def path(self) -> str:
        """Where it is served."""
        return self._topics.path

    async def serve(self, socket: Socket) -> None:
        """Read operations until the client leaves."""
        self._sockets.add(socket)
        self.strike()
        try:
            while (operation := await socket.operation()) is not None:
                kind = kind_of(operation)
                if kind == "ping":
                    socket.push_json({"success": True, "ret_msg": "pong", "conn_id": socket.conn_id,
                                      "req_id": operation.get("req_id", ""), "op": "ping"})  # fmt: skip
                elif kind in {"subscribe", "unsubscribe"}:
                    self._subscribe(socket, operation)
                else:
                    socket.acknowledge(operation, success=False, text="error:unknown op")
        finally:
            self._sockets.discard(socket)
            for topic in socket.topics:
                self._leave(socket, topic)

    def _subscribe(self, socket: Socket, operation: dict[str, Any]) -> None:
        topics = topics_of(operation)
        leaves = operation["op"] == "unsubscribe"
        wrong = self._objection(socket, topics, leaves=leaves)
        socket.acknowledge(operation, success=not wrong, text=wrong)
        if wrong:
            return
        for topic in topics:
            if leaves:
                socket.topics.discard(topic)
                self._leave(socket, topic)
            else:
                self._join(socket, topic)

    def _objection(self, socket: Socket, topics: list[str], *, leaves: bool) -> str:
        most = self._topics.most_args
        if not topics or (most and len(topics) > most):
            return f"args size >{most}" if topics else "Params Error"
        unknown = [topic for topic in topics if not self._topics.knows(topic)]
        if unknown:
            return f"Invalid topic: {unknown[0]}"
        if leaves:
            return ""
        twice = [topic for place, topic in enumerate(topics) if topic in socket.topics or topic in topics[:place]]
        if twice:
            return f"error:already subscribed,topic:{twice[0]}"
        too_long = sum(len(topic) for topic in (*socket.topics, *topics)) > MAX_CHARACTERS
        return f"args length >{MAX_CHARACTERS}" if too_long else ""

    def _join(self, socket: Socket, topic: str) -> None:
        socket.topics.add(topic)
        self._listeners[topic].add(socket)
        if is_book(topic):
            book, now = self._book_of(topic), self._topics.now_ms
            known = self._books.setdefault(topic, BookTopic(topic))
            if len(self._listeners[topic]) == 1:
                known.change(book, now_ms=now)  # nobody listened in between: what was told last is old
            self._push([socket], known.snapshot(book, now_ms=now))
        else:
            for frame in self._topics.first(topic):
                self._push([socket], frame)

    def _leave(self, socket: Socket, topic: str) -> None:
        sockets = self._listeners.get(topic)
        if sockets is not None:
            sockets.discard(socket)
            if not sockets:
                del self._listeners[topic]

    def tick(self) -> None:
        """Tell everybody the new prices."""
        for topic, sockets in list(self._listeners.items()):
            for frame in self._frames(topic):
                self._push(sockets, frame)

    def traded(self, trade: Print) -> None:
        """Tell a customer's trade on the public tape, and soon what is left of the book."""
        if not self._listeners:
            return
        sockets = self._listeners.get(f"publicTrade.{trade.symbol}")
        if sockets:
            self._push(sockets, trade_frame(trade))
        if not self._eaten:
            asyncio.get_running_loop().call_later(COALESCE_S, self._tell_eaten)
        self._eaten.add(trade.symbol)

    def _tell_eaten(self) -> None:
        eaten, self._eaten = self._eaten, set()
        for topic, sockets in list(self._listeners.items()):
            if is_book(topic) and topic.rsplit(".", 1)[1] in eaten:
                for frame in self._frames(topic):
                    self._push(sockets, frame)

    def _push(self, sockets: Iterable[Socket], frame: bytes) -> None:
        if self._struck("silent_stream"):
            return
        for socket in sockets:
            socket.push(frame)

    def _book_of(self, topic: str) -> dict[str, Any]:
        book = self._topics.book(topic)
        if self._struck("crossed_book"):
            cross(book)
        return book

    def _frames(self, topic: str) -> list[bytes]:
        """What a topic has to tell now; of a pair that was delisted meanwhile, nothing."""
        if not self._topics.knows(topic):
            return []
        if not is_book(topic):
            return self._topics.told(topic)
        known = self._books.get(topic)
        frame = known.change(self._book_of(topic), now_ms=self._topics.now_ms) if known else None
        return [frame] if frame is not None else []

    def _struck(self, kind: Kind) -> bool:
        return self._faults.public_stream(kind, self._topics.path)

    def strike(self) -> None:
        """Let a half-open fault take hold of the connections that are there, or let go of them."""
        half_open = self._struck("half_open_stream")
        for socket in list(self._sockets):
            if half_open and not socket.dead:
                socket.go_dead()
            elif socket.dead and not half_open:
                socket.abort()

    def cut(self) -> int:
        """Reset every connection; how many."""
        for socket in list(self._sockets):
            socket.abort()
        return len(self._sockets)
