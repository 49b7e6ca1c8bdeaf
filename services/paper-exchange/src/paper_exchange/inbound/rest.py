"""The REST door: faults, signatures, rights, rate limits, then the endpoint, then the disk, then the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import orjson
import structlog

from paper_exchange.application.authenticate import SignedCall, authenticate, check_may_trade
from paper_exchange.application.exchange import Exchange
from paper_exchange.application.faults import Fault, Faults, Treatment
from paper_exchange.domain.rate_window import Allowance, RateWindow
from paper_exchange.domain.refusal import TOO_MANY_VISITS, Refused
from paper_exchange.inbound.account_routes import AccountRoutes
from paper_exchange.inbound.exchange_http import (
    JSON_TYPE,
    Reply,
    Request,
    Send,
    cut_connection,
    envelope,
    refusal,
    send_reply,
)
from paper_exchange.inbound.market_routes import MarketRoutes
from paper_exchange.inbound.query_routes import QueryRoutes
from paper_exchange.inbound.trade_routes import TradeRoutes, batch_legs

log = structlog.get_logger()

Handler = Callable[[Request], object]
BatchHandler = Callable[[Request, int], tuple[object, object]]
HTML_500 = b"<html><head><title>500 Internal Server Error</title></head></html>"
BANNED = b'{"retCode":10018,"retMsg":"access too frequent","result":{},"retExtInfo":{},"time":0}'


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path: who may call it and how often.

    Attributes:
        limit: Calls (orders, in a batch) a second and account; 0 for a public endpoint.
        trades: Needs the right to trade.
    """

    method: str
    handler: Handler | None
    limit: int = 0
    trades: bool = False
    batch: BatchHandler | None = None


class Rest:
    """All REST endpoints of the venue."""

    def __init__(
        self,
        *,
        exchange: Exchange,
        faults: Faults,
        market: MarketRoutes,
        trade: TradeRoutes,
        queries: QueryRoutes,
        account: AccountRoutes,
    ) -> None:
        self._exchange = exchange
        self._faults = faults
        self._windows: dict[tuple[str, str], RateWindow] = {}
        self._endpoints = {**_public(market), **_orders(trade), **_queries(queries), **_account(account)}

    def knows(self, path: str) -> bool:
        """Whether the venue has this path."""
        return path in self._endpoints

    async def answer(self, request: Request, send: Send) -> None:
        """Serve one call, or fail it as a fault demands."""
        endpoint = self._endpoints.get(request.path)
        if endpoint is None:
            body = envelope({}, now_ms=self._exchange.now_ms(), ret_code=10017, ret_msg="Route not found.")
            await send_reply(send, Reply(body, 404))
            return
        if endpoint.method != request.method:
            await send_reply(send, Reply(b"", 400))
            return
        if not endpoint.limit:
            await send_reply(send, self._public_answer(endpoint, request))
            return
        await self._private(endpoint, request, send)

    def _public_answer(self, endpoint: Endpoint, request: Request) -> Reply:
        now = self._exchange.now_ms()
        try:
            handler = endpoint.handler
            return Reply(envelope(handler(request) if handler else {}, now_ms=now))
        except Refused as error:
            return Reply(refusal(error, now_ms=now))

    async def _private(self, endpoint: Endpoint, request: Request, send: Send) -> None:
        known = self._exchange.ledger.keys.get(request.header(b"x-bapi-api-key"))
        treatment = self._faults.treat(request.path, known.uid if known else "")
        half = treatment.delay_s / 2
        if half:
            await asyncio.sleep(half)
        fault = treatment.fault
        if fault is not None and _stops(fault):
            await self._fail(fault, send, half)
            return
        reply = self._carry_out(endpoint, request, treatment)
        await self._exchange.journal.durable(self._exchange.journal.position)
        if fault is not None and _hides(fault):
            await self._fail(fault, send, half)
            return
        if half:
            await asyncio.sleep(half)
        await send_reply(send, reply)

    async def _fail(self, fault: Fault, send: Send, half: float) -> None:
        if fault.kind in {"lost_request", "lost_reply"}:
            await asyncio.sleep(fault.hold_ms / 1000)
            cut_connection(send)
            return
        if half:
            await asyncio.sleep(half)
        if fault.kind == "reset":
            cut_connection(send)
        elif fault.kind == "error_500":
            await send_reply(send, Reply(HTML_500, 500, ((b"content-type", b"text/html"),)))
        elif fault.kind == "ip_ban":
            await send_reply(send, Reply(BANNED, 403))
        else:
            now = self._exchange.now_ms()
            code, text = TOO_MANY_VISITS if fault.kind == "rate_limit" else (fault.ret_code, fault.ret_msg)
            headers = _limit_headers(Allowance(0, 0, 0, now + 1000)) if fault.kind == "rate_limit" else (JSON_TYPE,)
            await send_reply(send, Reply(envelope({}, now_ms=now, ret_code=code, ret_msg=text), 200, headers))

    def _carry_out(self, endpoint: Endpoint, request: Request, treatment: Treatment) -> Reply:
        now = self._exchange.now_ms()
        headers: tuple[tuple[bytes, bytes], ...] = (JSON_TYPE,)
        try:
            self._verify(endpoint, request, now)
            self._exchange.milestones.reached(request.uid, "request_received")
            calls = len(batch_legs(request.json())) if endpoint.batch else 1
            allowance = self._window(request.uid, request.path, endpoint.limit).take(calls, now_ms=now)
            headers = _limit_headers(allowance)
            if allowance.granted:
                return Reply(self._call(endpoint, request, allowance, treatment.fault), 200, headers)
            return Reply(refusal(Refused(*TOO_MANY_VISITS), now_ms=now), 200, headers)
        except Refused as error:
            return Reply(refusal(error, now_ms=now), 200, headers)

    def _verify(self, endpoint: Endpoint, request: Request, now: int) -> None:
        request.key = authenticate(
            SignedCall(
                api_key=request.header(b"x-bapi-api-key"),
                timestamp=request.header(b"x-bapi-timestamp"),
                signature=request.header(b"x-bapi-sign"),
                recv_window=request.header(b"x-bapi-recv-window"),
                payload=request.query if request.method == "GET" else request.body,
                address=request.address,
            ),
            self._exchange.ledger.keys,
            now_ms=now,
        )
        if endpoint.trades:
            check_may_trade(request.key)

    def _call(self, endpoint: Endpoint, request: Request, allowance: Allowance, fault: Fault | None) -> bytes:
        if endpoint.batch is not None:
            result, ext = endpoint.batch(request, allowance.granted)
            body = envelope(result, now_ms=self._exchange.now_ms(), ext=ext)
            return _spoil_legs(body, fault) if fault is not None and fault.kind == "leg_ret_code" else body
        handler = endpoint.handler
        return envelope(handler(request) if handler else {}, now_ms=self._exchange.now_ms())

    def _window(self, uid: str, path: str, limit: int) -> RateWindow:
        window = self._windows.get((uid, path))
        if window is None:
            window = self._windows[uid, path] = RateWindow(limit)
        return window


def _stops(fault: Fault) -> bool:
    """The call is not carried out."""
    if fault.kind in {"lost_request", "rate_limit", "ip_ban"}:
        return True
    return fault.kind in {"reset", "error_500", "ret_code"} and fault.outcome == "not"


def _hides(fault: Fault) -> bool:
    """The call was carried out, but its answer is not told."""
    return fault.kind in {"lost_reply", "reset", "error_500", "ret_code"}


def _spoil_legs(body: bytes, fault: Fault) -> bytes:
    """Answer a code for every leg of a batch although the legs were carried out."""
    reply = orjson.loads(body)
    for row, code in zip(reply["result"]["list"], reply["retExtInfo"]["list"], strict=True):
        row["orderId"] = ""
        if "createAt" in row:
            row["createAt"] = ""
        code.update(code=fault.ret_code, msg=fault.ret_msg)
    return orjson.dumps(reply)


def _limit_headers(allowance: Allowance) -> tuple[tuple[bytes, bytes], ...]:
    return (
        JSON_TYPE,
        (b"x-bapi-limit", str(allowance.limit).encode()),
        (b"x-bapi-limit-status", str(allowance.remaining).encode()),
        (b"x-bapi-limit-reset-timestamp", str(allowance.reset_ms).encode()),
    )


def _public(market: MarketRoutes) -> dict[str, Endpoint]:
    handlers: dict[str, Handler] = {
        "time": market.time,
        "instruments-info": market.instruments,
        "tickers": market.tickers,
        "orderbook": market.orderbook,
        "kline": market.kline,
        "price-limit": market.price_limit,
        "recent-trade": market.recent_trades,
    }
    return {f"/v5/market/{name}": Endpoint("GET", handler) for name, handler in handlers.items()}


def _orders(trade: TradeRoutes) -> dict[str, Endpoint]:
    return {
        "/v5/order/create": Endpoint("POST", trade.create, 20, trades=True),
        "/v5/order/create-batch": Endpoint("POST", None, 20, trades=True, batch=trade.create_batch),
        "/v5/order/cancel": Endpoint("POST", trade.cancel, 20, trades=True),
        "/v5/order/cancel-batch": Endpoint("POST", None, 20, trades=True, batch=trade.cancel_batch),
        "/v5/order/cancel-all": Endpoint("POST", trade.cancel_all, 20, trades=True),
        "/v5/order/amend": Endpoint("POST", trade.amend, 10, trades=True),
        "/v5/order/amend-batch": Endpoint("POST", None, 20, trades=True, batch=trade.amend_batch),
    }


def _queries(queries: QueryRoutes) -> dict[str, Endpoint]:
    return {
        "/v5/order/realtime": Endpoint("GET", queries.realtime, 50),
        "/v5/order/history": Endpoint("GET", queries.history, 50),
        "/v5/execution/list": Endpoint("GET", queries.executions, 50),
    }


def _account(account: AccountRoutes) -> dict[str, Endpoint]:
    return {
        "/v5/order/spot-borrow-check": Endpoint("GET", account.borrow_check, 50),
        "/v5/account/wallet-balance": Endpoint("GET", account.wallet, 50),
        "/v5/account/info": Endpoint("GET", account.info, 50),
        "/v5/account/fee-rate": Endpoint("GET", account.fee_rate, 5),
        "/v5/account/transaction-log": Endpoint("GET", account.transaction_log, 25),
        "/v5/user/query-api": Endpoint("GET", account.query_api, 10),
        "/v5/position/list": Endpoint("GET", account.positions, 50),
        "/v5/asset/coin/query-info": Endpoint("GET", account.coin_info, 5),
    }
