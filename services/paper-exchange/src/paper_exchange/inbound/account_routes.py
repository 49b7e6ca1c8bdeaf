"""Account endpoints: wallet, key, fees, the transaction log."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from paper_exchange.application.exchange import Exchange
from paper_exchange.application.linear_market import LinearMarket
from paper_exchange.domain.exact import mul
from paper_exchange.domain.ledger import FEE_RATE
from paper_exchange.domain.refusal import Refused, request_error
from paper_exchange.inbound.exchange_http import Request
from paper_exchange.inbound.market_routes import MarketRoutes
from paper_exchange.inbound.paging import DAY_MS, category, cut_page, window
from paper_exchange.inbound.shapes import key_shape, log_shape, wallet_shape
from shared.trading.money import EXACT, plain, truncate

MARGIN_MODE = "REGULAR_MARGIN"
LINEAR_TAKER, LINEAR_MAKER = "0.00055", "0.0002"
"""Rates of a user without a level; nothing is charged, as nothing linear is traded here."""
EPOCH_ISO = "1970-01-01T00:00:00Z"


class AccountRoutes:
    """What the account of the signing key looks like."""

    def __init__(self, exchange: Exchange, market: MarketRoutes, linear: LinearMarket) -> None:
        self._linear = linear
        self._exchange = exchange
        self._market = market

    def wallet(self, request: Request) -> object:
        """Balances; coins with nothing are left out unless asked for by name."""
        if request.params.get("accountType") != "UNIFIED":
            raise request_error("accountType only support UNIFIED.")
        names = request.params.get("coin", "")
        coins = tuple(name for name in names.split(",") if name) if names else None
        account = self._exchange.account(request.uid)
        return {"list": [wallet_shape(account, self._market.prices(), coins=coins, named=coins is not None)]}

    def info(self, request: Request) -> object:
        """A unified account, kind UTA2.0."""
        account = self._exchange.account(request.uid)
        return {
            "unifiedMarginStatus": 5,
            "marginMode": MARGIN_MODE,
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
            "updatedTime": str(account.opened_ms),
            "dcpStatus": "OFF",
            "timeWindow": 10,
            "smpGroup": 0,
        }

    def fee_rate(self, request: Request) -> object:
        """The same rate for every pair; without a category, linear (ccxt asks so)."""
        kind = category(request, "linear")
        if kind != "spot":
            return {"category": kind, "list": self._linear_rates(request) if kind == "linear" else []}
        wanted = request.params.get("symbol", "")
        symbols = [row.symbol for row in self._exchange.market.on_list() if wanted in {"", row.symbol}]
        if wanted and not symbols:
            raise request_error("Not supported symbols")
        rate = plain(FEE_RATE)
        rows = [{"symbol": symbol, "baseCoin": "", "takerFeeRate": rate, "makerFeeRate": rate} for symbol in symbols]
        return {"category": "spot", "list": rows}

    def _linear_rates(self, request: Request) -> list[dict[str, str]]:
        wanted, base = request.params.get("symbol", ""), request.params.get("baseCoin", "")
        return [
            {"symbol": contract.symbol, "baseCoin": "", "takerFeeRate": LINEAR_TAKER, "makerFeeRate": LINEAR_MAKER}
            for contract in self._linear.contracts.values()
            if wanted in {"", contract.symbol} and base in {"", contract.base}
        ]

    def query_api(self, request: Request) -> object:
        """The signing key itself."""
        key = request.key
        if key is None:
            raise request_error("params error: no key")
        return key_shape(
            key,
            now_ms=self._exchange.now_ms(),
            iso=_iso(key.created_ms),
            expires_iso=_iso(key.expires_ms) if key.expires_ms else EPOCH_ISO,
        )

    def transaction_log(self, request: Request) -> object:
        """Every change of a balance, newest first; 24 hours unless a span is given."""
        now = self._exchange.now_ms()
        start, end = window(request, now_ms=now, default_ms=DAY_MS)
        params = request.params
        entries = [
            entry
            for entry in reversed(self._exchange.account(request.uid).log)
            if start <= entry.at_ms <= end
            and params.get("currency", "") in {"", entry.coin}
            and params.get("type", "") in {"", entry.kind}
            and params.get("category", "") in {"", "spot" if entry.execution else ""}
        ]
        page, cursor = cut_page(entries, request, default=20, highest=50, mark=lambda entry: entry.entry_id)
        return {"list": [log_shape(entry) for entry in page], "nextPageCursor": cursor}

    def borrow_check(self, request: Request) -> object:
        """How much an order may be at most; nothing is borrowed here."""
        params = request.params
        listing = self._exchange.market.listing(params.get("symbol", ""))
        bid, ask = self._exchange.market.best(listing.symbol)
        account = self._exchange.account(request.uid)
        buys = params.get("side") == "Buy"
        price = listing.price_of(ask if buys else bid)
        free = account.free(listing.quote if buys else listing.base)
        quantity = EXACT.divide(free, price) if buys else free
        amount = free if buys else mul(free, price)
        most = {"maxTradeQty": _cut(quantity, 4), "maxTradeAmount": _cut(amount, 8)}
        spot = {"spotMaxTradeQty": _cut(quantity, 4), "spotMaxTradeAmount": _cut(amount, 8)}
        return {"symbol": listing.symbol, "side": params.get("side", ""), "borrowCoin": "", **most, **spot}

    def collateral_info(self, request: Request) -> object:
        """Every coin: none is lent, none counts as collateral for a loan."""
        wanted = request.params.get("currency", "")
        return {"list": [_collateral(coin) for coin in self._coins() if wanted in {"", coin}]}

    def withdrawable(self, request: Request) -> object:
        """What may leave the account: what no open order has set aside."""
        coins = [name for name in request.params.get("coinName", "").split(",") if name]
        if not coins:
            raise request_error("params error: coinName invalid")
        account = self._exchange.account(request.uid)
        amounts = {coin: plain(account.free(coin)) for coin in coins}
        return {"availableWithdrawal": amounts[coins[0]], "availableWithdrawalMap": amounts}

    def instruments(self, request: Request) -> object:
        """The rules of the pairs as this account may trade them."""
        if category(request) != "spot":
            return {"category": request.params["category"], "list": [], "nextPageCursor": ""}
        rows = [
            {**row, "isPublicRpi": False, "myRpiPermission": False} for row in self._market.instrument_rows(request)
        ]
        return {"category": "spot", "list": rows, "nextPageCursor": ""}

    def set_margin_mode(self, request: Request) -> object:
        """The mode that is set already can be set again; another needs more than a cash account.

        Raises:
            Refused: 3400045.
        """
        if request.json().get("setMarginMode") != MARGIN_MODE:
            raise Refused(3400045, "Set margin mode failed")
        return {"reasons": []}

    def member_type(self, request: Request) -> object:
        """The wallets of this account."""
        return {"accounts": [{"uid": request.uid, "accountType": ["FUND", "UNIFIED"]}]}

    def _coins(self) -> list[str]:
        return ["USDT", *(listing.base for listing in self._exchange.market.listings.values())]

    def coin_info(self, request: Request) -> object:
        """The coins there are, without any chain."""
        wanted = request.params.get("coin", "")
        rows: list[dict[str, Any]] = [
            {"name": coin, "coin": coin, "remainAmount": "0", "chains": []}
            for coin in self._coins()
            if wanted in {"", coin}
        ]
        return {"rows": rows}


def _cut(value: Decimal, places: int) -> str:
    return plain(truncate(value, places=places))


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _collateral(coin: str) -> dict[str, Any]:
    return {
        "currency": coin,
        "hourlyBorrowRate": "0",
        "maxBorrowingAmount": "0",
        "freeBorrowingLimit": "0",
        "freeBorrowAmount": "0",
        "freeBorrowingAmount": "",
        "borrowAmount": "0",
        "otherBorrowAmount": "0",
        "availableToBorrow": "0",
        "borrowable": False,
        "borrowUsageRate": "0",
        "marginCollateral": False,
        "collateralSwitch": False,
        "collateralRatio": "0",
    }
