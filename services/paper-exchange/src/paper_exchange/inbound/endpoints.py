"""Every path the venue has: who may call it, how often, and who answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from paper_exchange.domain.refusal import Refused, request_error
from paper_exchange.inbound.account_routes import AccountRoutes
from paper_exchange.inbound.exchange_http import Request
from paper_exchange.inbound.linear_routes import LinearRoutes
from paper_exchange.inbound.market_routes import MarketRoutes
from paper_exchange.inbound.paging import category
from paper_exchange.inbound.query_routes import QueryRoutes
from paper_exchange.inbound.trade_routes import TradeRoutes
from paper_exchange.inbound.unserved import UNSERVED, Unserved

Handler = Callable[[Request], object]
BatchHandler = Callable[[Request, int], tuple[object, object]]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """Who answers."""

    market: MarketRoutes
    linear: LinearRoutes
    trade: TradeRoutes
    queries: QueryRoutes
    account: AccountRoutes


def all_endpoints(rooms: Rooms) -> dict[str, Endpoint]:
    """The venue's paths."""
    return {
        **{row.path: _unserved(row) for row in UNSERVED},
        **_public(rooms.market, rooms.linear),
        **_orders(rooms.trade),
        **_queries(rooms.queries),
        **_account(rooms.account),
    }


def _unserved(row: Unserved) -> Endpoint:
    def refuse(_request: Request) -> object:
        if row.result is not None:
            return row.result
        raise Refused(row.code, row.message)

    return Endpoint(row.method, refuse, 0 if row.public else 10)


def _by_category(spot: Handler | None, linear: Handler | None, *, default: str = "", empty: bool = True) -> Handler:
    """Answer by product; categories without instruments answer an empty list, or know no symbol."""

    def answer(request: Request) -> object:
        kind = category(request, default)
        handler = {"spot": spot, "linear": linear}.get(kind)
        if handler is not None:
            return handler(request)
        if kind in {"spot", "linear"}:
            raise request_error("params error: category invalid")
        if empty:
            return {"category": kind, "list": [], "nextPageCursor": ""}
        raise request_error("Not supported symbols")

    return answer


def _public(market: MarketRoutes, linear: LinearRoutes) -> dict[str, Endpoint]:
    handlers: dict[str, Handler] = {
        "time": market.time,
        "instruments-info": _by_category(market.instruments, linear.instruments),
        "tickers": _by_category(market.tickers, linear.tickers),
        "orderbook": _by_category(market.orderbook, linear.orderbook, empty=False),
        "rpi_orderbook": _by_category(market.rpi_orderbook, None, empty=False),
        "kline": _by_category(market.kline, linear.kline, default="linear"),
        "mark-price-kline": _by_category(None, linear.mark_kline, default="linear"),
        "index-price-kline": _by_category(None, linear.index_kline, default="linear"),
        "premium-index-price-kline": _by_category(None, linear.premium_kline, default="linear"),
        "price-limit": _by_category(market.price_limit, linear.price_limit, default="linear", empty=False),
        "recent-trade": _by_category(market.recent_trades, linear.recent_trades),
        "funding/history": _by_category(None, linear.funding_history),
        "open-interest": _by_category(None, linear.open_interest),
        "risk-limit": _by_category(None, linear.risk_limit),
    }
    return {f"/v5/market/{name}": Endpoint("GET", handler) for name, handler in handlers.items()}


def _orders(trade: TradeRoutes) -> dict[str, Endpoint]:
    return {
        "/v5/order/create": Endpoint("POST", trade.create, 20, trades=True),
        "/v5/order/create-batch": Endpoint("POST", None, 20, trades=True, batch=trade.create_batch),
        "/v5/order/amend": Endpoint("POST", trade.amend, 10, trades=True),
        "/v5/order/amend-batch": Endpoint("POST", None, 20, trades=True, batch=trade.amend_batch),
        "/v5/order/cancel": Endpoint("POST", trade.cancel, 20, trades=True),
        "/v5/order/cancel-batch": Endpoint("POST", None, 20, trades=True, batch=trade.cancel_batch),
        "/v5/order/cancel-all": Endpoint("POST", trade.cancel_all, 20, trades=True),
    }


def _queries(queries: QueryRoutes) -> dict[str, Endpoint]:
    return {
        "/v5/order/realtime": Endpoint("GET", queries.realtime, 50),
        "/v5/order/history": Endpoint("GET", queries.history, 50),
        "/v5/execution/list": Endpoint("GET", queries.executions, 50),
        "/v5/position/list": Endpoint("GET", queries.nothing, 50),
        "/v5/position/closed-pnl": Endpoint("GET", queries.nothing, 50),
        "/v5/position/get-closed-positions": Endpoint("GET", queries.nothing, 50),
    }


def _account(account: AccountRoutes) -> dict[str, Endpoint]:
    return {
        "/v5/order/spot-borrow-check": Endpoint("GET", account.borrow_check, 50),
        "/v5/account/wallet-balance": Endpoint("GET", account.wallet, 50),
        "/v5/account/info": Endpoint("GET", account.info, 50),
        "/v5/account/fee-rate": Endpoint("GET", account.fee_rate, 5),
        "/v5/account/transaction-log": Endpoint("GET", account.transaction_log, 25),
        "/v5/account/collateral-info": Endpoint("GET", account.collateral_info, 50),
        "/v5/account/withdrawal": Endpoint("GET", account.withdrawable, 50),
        "/v5/account/instruments-info": Endpoint("GET", account.instruments, 50),
        "/v5/account/set-margin-mode": Endpoint("POST", account.set_margin_mode, 5),
        "/v5/user/query-api": Endpoint("GET", account.query_api, 10),
        "/v5/user/get-member-type": Endpoint("GET", account.member_type, 10),
        "/v5/asset/coin/query-info": Endpoint("GET", account.coin_info, 5),
    }
