"""The private stream: orders, executions and wallets, told only after they are on disk."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import orjson

from paper_exchange.application.authenticate import Doorkeeper
from paper_exchange.application.faults import Faults
from paper_exchange.application.ports import Journal
from paper_exchange.domain.account import ApiKey
from paper_exchange.domain.ledger import Ledger
from paper_exchange.domain.order import Execution, Order
from paper_exchange.domain.refusal import Refused
from paper_exchange.inbound.shapes import Shape, execution_frame, fast_execution_frame, order_frame, wallet_shape
from paper_exchange.inbound.socket import Socket, kind_of, topics_of
from shared.trading.clock import Clock, epoch_ms

FORMS = ("spot", "linear", "inverse", "option")
ALL_IN_ONE = frozenset({"order", "execution", "execution.fast", "position", "wallet", "greeks"})
CATEGORISED = frozenset(
    f"{name}.{form}" for name in ("order", "execution", "execution.fast", "position") for form in FORMS
)
OTHERS = frozenset({"dcp.spot", "dcp.future", "dcp.option", "spread.order", "spread.execution"})
NOT_AUTHORIZED = "Request not authorized"


class Streams:
    """Who listens to which account, and what waits for the disk."""

    def __init__(
        self,
        ledger: Ledger,
        door: Doorkeeper,
        faults: Faults,
        clock: Clock,
        prices: Callable[[], Mapping[str, Decimal]],
    ) -> None:
        self._ledger = ledger
        self._door = door
        self._faults = faults
        self._clock = clock
        self._journal: Journal | None = None
        self._sockets: dict[str, set[Socket]] = defaultdict(set)
        self._held: deque[tuple[int, str, Socket, bytes]] = deque()
        self._prices = prices
        self._frames = 0

    def write_after(self, journal: Journal) -> None:
        """Hold every frame back until this journal has its cause on disk."""
        self._journal = journal

    def order_changed(self, order: Order) -> None:
        """Tell an order's new state."""
        if self._sockets.get(order.uid):
            self._tell(order.uid, "order", order_frame(order))

    def executed(self, execution: Execution) -> None:
        """Tell an execution."""
        if self._sockets.get(execution.uid):
            self._tell(execution.uid, "execution", execution_frame(execution))
            self._tell(execution.uid, "execution.fast", fast_execution_frame(execution))

    def wallet_changed(self, uid: str, coins: tuple[str, ...]) -> None:
        """Tell the new balances of some coins."""
        if self._sockets.get(uid):
            account = self._ledger.accounts[uid]
            self._tell(uid, "wallet", wallet_shape(account, self._prices(), coins=coins, named=True))

    def _tell(self, uid: str, topic: str, item: Shape) -> None:
        now = epoch_ms(self._clock.now())
        self._frames += 1
        for socket in self._sockets[uid]:
            for wanted in (topic, f"{topic}.spot"):
                if wanted in socket.topics:
                    frame = orjson.dumps(
                        {**self._head(uid, topic), "topic": wanted, "creationTime": now, "data": [item]}
                    )
                    self._held.append((self._journal.position if self._journal else 0, uid, socket, frame))

    def _head(self, uid: str, topic: str) -> Shape:
        return {} if topic == "execution.fast" else {"id": f"{uid}_{self._frames}"}

    def on_durable(self, position: int) -> None:
        """Let out what is on disk now."""
        while self._held and self._held[0][0] <= position:
            _, uid, socket, frame = self._held.popleft()
            if not self._faults.stream_silent(uid):
                self._push(socket, frame, uid)

    def _push(self, socket: Socket, frame: bytes, uid: str) -> None:
        delay_s, fate = self._faults.stream_delay_s(uid), self._faults.frame_fate(uid)
        if fate == "lost_frames":
            return
        if fate == "reordered_frames":
            socket.push_after_next(frame, delay_s=delay_s)
            return
        socket.push(frame, delay_s=delay_s)
        socket.empty_pocket()
        if fate == "duplicated_frames":
            socket.push(frame, delay_s=delay_s)

    def strike(self) -> None:
        """Let a half-open fault take hold of the connections that are there, or let go of them."""
        for uid, sockets in self._sockets.items():
            half_open = self._faults.stream_half_open(uid)
            for socket in list(sockets):
                if half_open and not socket.dead:
                    socket.go_dead()
                elif socket.dead and not half_open:
                    socket.abort()

    async def cut(self, uid: str) -> int:
        """Close the connections of an account, or all; how many."""
        chosen = [socket for owner, sockets in self._sockets.items() if uid in {"", owner} for socket in sockets]
        for socket in chosen:
            socket.close()
        await asyncio.sleep(0)
        return len(chosen)

    async def serve(self, socket: Socket) -> None:
        """Read operations until the client leaves, in their order."""
        key: ApiKey | None = None
        try:
            while (operation := await socket.operation()) is not None:
                kind = kind_of(operation)
                if kind == "ping":
                    self._pong(socket, operation)
                elif kind == "auth":
                    key = self._authorize(socket, operation, known=key)
                elif kind in {"subscribe", "unsubscribe"}:
                    self._subscribe(socket, operation, allowed=key is not None)
                else:
                    socket.acknowledge(operation, success=False, text="error:unknown op")
        finally:
            if key is not None:
                self._sockets[key.uid].discard(socket)

    def _pong(self, socket: Socket, operation: dict[str, Any]) -> None:
        now = str(epoch_ms(self._clock.now()))
        pong = {"req_id": operation.get("req_id", ""), "op": "pong", "args": [now], "conn_id": socket.conn_id}
        socket.push_json(pong)

    def _authorize(self, socket: Socket, operation: dict[str, Any], *, known: ApiKey | None) -> ApiKey | None:
        if known is not None:
            socket.acknowledge(operation, success=False, text="Repeat auth")
            return known
        try:
            now_ms = epoch_ms(self._clock.now())
            key = self._door.sign_in(operation.get("args"), address=socket.address, now_ms=now_ms)
        except Refused as error:
            socket.acknowledge(operation, success=False, text=error.ret_msg)
            return None
        self._sockets[key.uid].add(socket)
        socket.acknowledge(operation)
        self.strike()
        socket.belongs_to(key.uid)
        return key

    @staticmethod
    def _subscribe(socket: Socket, operation: dict[str, Any], *, allowed: bool) -> None:
        topics = topics_of(operation)
        leaves = operation["op"] == "unsubscribe"
        wrong = _objection(socket, topics, leaves=leaves) if allowed else NOT_AUTHORIZED
        socket.acknowledge(operation, success=not wrong, text=wrong)
        if wrong:
            return
        if leaves:
            socket.topics.difference_update(topics)
        else:
            socket.topics.update(topics)


def _objection(socket: Socket, topics: list[str], *, leaves: bool) -> str:
    unknown = [topic for topic in topics if topic not in ALL_IN_ONE | CATEGORISED | OTHERS]
    if unknown or not topics:
        return f"Invalid topic: {','.join(unknown)}"
    if leaves:
        return ""
    if any(topic in ALL_IN_ONE for topic in topics) and any(topic in CATEGORISED for topic in topics):
        return "error:all-in-one and categorised topics cannot be in one subscription request"
    twice = [topic for place, topic in enumerate(topics) if topic in socket.topics or topic in topics[:place]]
    return f"error:already subscribed,topic:{twice[0]}" if twice else ""
