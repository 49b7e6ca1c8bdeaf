"""The order entry socket: orders as by REST, on one connection that signs in once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog

from paper_exchange.application.authenticate import Doorkeeper
from paper_exchange.domain.account import ApiKey
from paper_exchange.domain.refusal import Refused
from paper_exchange.inbound.exchange_http import Request
from paper_exchange.inbound.paging import CATEGORIES
from paper_exchange.inbound.rest import Rest
from paper_exchange.inbound.socket import ACK_DELAY_S, Socket

log = structlog.get_logger()

OPERATIONS = {
    "order.create": "/v5/order/create",
    "order.amend": "/v5/order/amend",
    "order.cancel": "/v5/order/cancel",
    "order.create-batch": "/v5/order/create-batch",
    "order.amend-batch": "/v5/order/amend-batch",
    "order.cancel-batch": "/v5/order/cancel-batch",
}
LIMIT_HEADERS = {
    b"x-bapi-limit": "X-Bapi-Limit",
    b"x-bapi-limit-status": "X-Bapi-Limit-Status",
    b"x-bapi-limit-reset-timestamp": "X-Bapi-Limit-Reset-Timestamp",
}
REQUEST_ID_MAX = 36
REQUEST_IDS_KEPT = 10_000
"""So many of a connection's last request ids may not come again."""
MOST_AT_ONCE = 1_000
"""So many operations of one connection may wait for the disk."""

Frame = dict[str, Any]


@dataclass(slots=True)
class Session:
    """One connection: who signed in, and which request ids it has used."""

    socket: Socket
    key: ApiKey | None = None
    used: set[str] = field(default_factory=set)
    used_in_order: deque[str] = field(default_factory=deque)
    at_once: int = 0

    def uses(self, request_id: str) -> bool:
        """Note a request id; False when it came before."""
        if request_id in self.used:
            return False
        self.used.add(request_id)
        self.used_in_order.append(request_id)
        if len(self.used_in_order) > REQUEST_IDS_KEPT:
            self.used.discard(self.used_in_order.popleft())
        return True


class AnswerFrame:
    """Takes the answer of a path and sends it as the frame of an operation.

    Faults cut or deafen the connection that an answer's `send` belongs to: here that is the socket.
    """

    def __init__(self, socket: Socket, operation: Frame, *, now_ms: int, number: int) -> None:
        self._socket = socket
        self._operation = operation
        self._now_ms = now_ms
        self._number = number
        self._status = 200
        self._told: dict[str, str] = {}
        self.transport = self

    def abort(self) -> None:
        """Reset the connection."""
        self._socket.abort()

    def pause_reading(self) -> None:
        """Let the connection go dead without closing it."""
        self._socket.go_dead()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Take the head or the body of an answer; half a body tells nothing here."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._told = {LIMIT_HEADERS[name]: value.decode() for name, value in message["headers"]
                          if name in LIMIT_HEADERS}  # fmt: skip
        elif not message.get("more_body"):
            self._socket.push(self._frame(message["body"]), delay_s=ACK_DELAY_S)

    def _frame(self, body: bytes) -> bytes:
        """The frame; what is no answer of the venue's own (a proxy's page, broken JSON) goes out as it is."""
        try:
            told = orjson.loads(body)
        except orjson.JSONDecodeError:
            return body
        code, text = told["retCode"], told["retMsg"]
        if self._status == 403:  # the address is banned
            code, text = 10403, "Exceed IP rate limit."
        header = {**self._told, "Traceid": f"{self._now_ms:016x}{self._number:016x}", "Timenow": str(self._now_ms)}
        more = {"data": told["result"] or {}, "retExtInfo": told["retExtInfo"] or {}, "header": header}
        return orjson.dumps(answer(self._socket, self._operation, code, text, **more))


class TradeStream:
    """Answers `/v5/trade`.

    Args:
        rest: Carries orders out: rights, limits, faults and answers are those of its paths.
        door: Knows who signs in.
        now_ms: The venue's clock.
    """

    def __init__(self, rest: Rest, door: Doorkeeper, now_ms: Callable[[], int]) -> None:
        self._rest = rest
        self._door = door
        self._now_ms = now_ms
        self._under_way: set[asyncio.Task[None]] = set()
        self._frames = 0

    async def serve(self, socket: Socket) -> None:
        """Read operations until the client leaves; orders begin in their order, and go on when it has left."""
        session = Session(socket)
        while (operation := await socket.operation()) is not None:
            kind = operation.get("op")
            if kind == "ping":
                now = str(self._now_ms())
                socket.push_json(answer(socket, {**operation, "op": "pong"}, 0, "OK", data=[now]))
            elif kind == "auth":
                self._sign_in(session, operation)
            else:
                self._order(session, operation)

    def _sign_in(self, session: Session, operation: Frame) -> None:
        socket = session.socket
        code, text = (20001, "Repeat auth") if session.key is not None else (0, "OK")
        try:
            session.key = session.key or self._door.sign_in(
                operation.get("args"), address=socket.address, now_ms=self._now_ms()
            )
        except Refused as error:
            code, text = error.ret_code, error.ret_msg
        socket.push_json(answer(socket, operation, code, text), delay_s=ACK_DELAY_S)
        if session.key is not None:
            socket.belongs_to(session.key.uid)

    def _order(self, session: Session, operation: Frame) -> None:
        try:
            request = self._request(session, operation)
        except Refused as error:
            told = answer(session.socket, operation, error.ret_code, error.ret_msg, data={}, retExtInfo={},
                          header={"Timenow": str(self._now_ms())})  # fmt: skip
            session.socket.push_json(told, delay_s=ACK_DELAY_S)
            return
        self._frames += 1
        frame = AnswerFrame(session.socket, operation, now_ms=self._now_ms(), number=self._frames)
        session.at_once += 1
        task = asyncio.ensure_future(self._rest.operate(request, frame.send))
        self._under_way.add(task)

        def done(task: asyncio.Task[None]) -> None:
            session.at_once -= 1
            self._under_way.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("trade_operation_failed", operation=operation["op"], exc_info=error)
                session.socket.close()

        task.add_done_callback(done)

    @staticmethod
    def _request(session: Session, operation: Frame) -> Request:
        """The call of REST that an operation stands for.

        Raises:
            Refused: unknown, not signed in, or its request id came before.
        """
        path = OPERATIONS.get(str(operation.get("op")))
        if path is None:
            raise Refused(10404, "op type is not found")
        if session.key is None:
            raise Refused(10007, "User authentication failed.")
        if session.at_once >= MOST_AT_ONCE:
            raise Refused(10429, "System level frequency protection")
        request_id = operation.get("reqId")
        if request_id is not None and (len(str(request_id)) > REQUEST_ID_MAX or not session.uses(str(request_id))):
            raise Refused(20006, "reqId is duplicated")
        args, header = operation.get("args"), operation.get("header")
        if not (isinstance(args, list) and len(args) == 1 and isinstance(args[0], dict) and isinstance(header, dict)):
            raise Refused(10001, "Param error")
        if args[0].get("category") not in CATEGORIES:
            raise Refused(10404, "category is not correct")
        headers = {str(name).lower().encode(): str(value).encode() for name, value in header.items()}
        headers[b"x-bapi-api-key"] = session.key.api_key.encode()
        return Request(method="POST", path=path, query=b"", headers=headers, body=orjson.dumps(args[0]),
                       address=session.socket.address, key=session.key)  # fmt: skip


def answer(socket: Socket, operation: Frame, code: int, text: str, **more: object) -> Frame:
    """A frame that answers an operation; a request id is told back when there was one."""
    told: Frame = {"reqId": operation["reqId"]} if "reqId" in operation else {}
    return {**told, "retCode": code, "retMsg": text, "op": operation.get("op", ""), **more, "connId": socket.conn_id}
