"""The venue's state as the sum of its records: applying them again gives the same state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from paper_exchange.domain import order as states
from paper_exchange.domain import records as happened
from paper_exchange.domain import venue_records as told
from paper_exchange.domain.account import Account, ApiKey, LogEntry
from paper_exchange.domain.exact import add, mul, sub
from paper_exchange.domain.listing import Listing
from paper_exchange.domain.notices import Notices
from paper_exchange.domain.order import Execution, Order
from shared.trading.money import ZERO

FEE_RATE = Decimal("0.001")
"""Spot, both sides, VIP 0."""


@dataclass(slots=True)
class Ledger:
    """All accounts, and the other side of every change, so that each coin sums to zero.

    Attributes:
        notices: What the venue announced about its pairs.
        counter: Per coin what the market, the fee till and the outside world hold against the accounts.
    """

    listings: Mapping[str, Listing]
    accounts: dict[str, Account] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    counter: dict[str, Decimal] = field(default_factory=dict)
    prices: dict[str, int] = field(default_factory=dict)
    notices: Notices = field(default_factory=Notices)
    last_id: int = 0
    last_uid: int = 0
    seq: int = 0
    _appliers: dict[type, Callable[[Any], None]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._appliers = {
            happened.AccountOpened: self._account_opened,
            happened.KeyIssued: self._key_issued,
            happened.KeyRevoked: self._key_revoked,
            happened.Transferred: self._transferred,
            happened.OrderAccepted: self._order_accepted,
            happened.OrderAmended: self._order_amended,
            happened.OrderRested: self._order_rested,
            happened.OrderMatched: self._order_matched,
            happened.PricesNoted: self._prices_noted,
            happened.WorldReset: self._world_reset,
            told.TradingHalted: self._trading_halted,
            told.TradingResumed: self._trading_resumed,
            told.RulesChanged: self._rules_changed,
            told.PairDelisted: self._pair_delisted,
            told.CoinConverted: self._coin_converted,
            told.LiveViewForgotten: self._live_view_forgotten,
            told.LinkIdsForgotten: self._link_ids_forgotten,
        }

    def apply(self, record: happened.Record) -> None:
        """Change the state by what happened."""
        self._appliers[type(record)](record)

    def open_orders(self) -> list[Order]:
        """Every order that can still trade, oldest first."""
        return [order for account in self.accounts.values() for order in account.open_orders.values()]

    def open_orders_of(self, symbol: str) -> list[Order]:
        """Every order of a pair that can still trade, oldest account first."""
        return [order for order in self.open_orders() if order.symbol == symbol]

    def _account_opened(self, record: happened.AccountOpened) -> None:
        self.accounts[record.uid] = Account(record.uid, record.at_ms)
        self._saw(record.uid)
        self.last_uid = max(self.last_uid, int(record.uid))

    def _key_issued(self, record: happened.KeyIssued) -> None:
        self.keys[record.api_key] = ApiKey(
            uid=record.uid,
            key_id=record.key_id,
            api_key=record.api_key,
            api_secret=record.api_secret,
            rsa_public_key=record.rsa_public_key,
            permissions=record.permissions,
            read_only=record.read_only,
            ips=record.ips,
            environment=record.environment,
            note=record.note,
            expires_ms=record.expires_ms,
            created_ms=record.at_ms,
        )
        self._saw(record.key_id)

    def _key_revoked(self, record: happened.KeyRevoked) -> None:
        self.keys.pop(record.api_key, None)

    def _transferred(self, record: happened.Transferred) -> None:
        self._saw(record.transfer_id)
        account = self.accounts[record.uid]
        self._move(account, record.coin, cash_flow=record.amount, fee=ZERO, kind=record.kind,
                   entry_id=record.transfer_id, at_ms=record.at_ms, execution=None)  # fmt: skip

    def _order_accepted(self, record: happened.OrderAccepted) -> None:
        account = self.accounts[record.uid]
        order = Order(
            uid=record.uid,
            order_id=record.order_id,
            link_id=record.link_id,
            symbol=record.symbol,
            side=record.side,
            order_type=record.order_type,
            time_in_force=record.time_in_force,
            price=record.price,
            limit_price=record.limit_price,
            quantity=record.quantity,
            market_unit=record.market_unit,
            lock_coin=record.lock_coin,
            locked=record.locked,
            price_on_created=record.price_on_created,
            created_ms=record.at_ms,
            updated_ms=record.at_ms,
            slippage_type=record.slippage_type,
            slippage=record.slippage,
        )
        holding = account.holding(record.lock_coin)
        holding.locked = add(holding.locked, record.locked)
        self.orders[order.order_id] = order
        account.orders[order.order_id] = order
        account.open_orders[order.order_id] = order
        account.by_link_id[order.link_id] = order
        self._saw(order.order_id)

    def _order_amended(self, record: happened.OrderAmended) -> None:
        order = self.orders[record.order_id]
        self._release(self.accounts[order.uid], order, sub(order.locked, record.locked))
        order.price = order.limit_price = record.price
        order.quantity = record.quantity
        order.resting = False
        order.updated_ms = record.at_ms

    def _order_rested(self, record: happened.OrderRested) -> None:
        self.orders[record.order_id].resting = True

    def _order_matched(self, record: happened.OrderMatched) -> None:
        order = self.orders[record.order_id]
        account = self.accounts[order.uid]
        for fill in record.fills:
            self._book(account, order, fill, is_maker=record.is_maker, at_ms=record.at_ms)
        order.status = record.status
        order.reject_reason = record.reject_reason
        order.cancel_type = record.cancel_type
        order.updated_ms = record.at_ms
        if not order.is_open:
            self._close(account, order)

    def _close(self, account: Account, order: Order) -> None:
        if order.locked:
            self._release(account, order, order.locked)
        if account.open_orders.pop(order.order_id, None) is not None:  # a fill may come after the end
            account.recently_closed.append(order)

    def _book(self, account: Account, order: Order, fill: happened.FillBooked, *, is_maker: bool, at_ms: int) -> None:
        listing = self.listings[order.symbol]
        base, quote, quantity = listing.base, listing.quote, fill.quantity
        buys, by_value = order.side == "Buy", order.by_value
        value = mul(fill.price, quantity)
        fee = mul(quantity if buys else value, FEE_RATE)
        coin = order.fee_coin = base if buys else quote
        order.filled_quantity = add(order.filled_quantity, quantity)
        order.filled_value = add(order.filled_value, value)
        order.fee = add(order.fee, fee)
        account.fees[coin] = add(account.fees.get(coin, ZERO), fee)
        self.seq += 1
        self._saw(fill.exec_id)
        execution = Execution(
            uid=order.uid, exec_id=fill.exec_id, order_id=order.order_id, link_id=order.link_id, symbol=order.symbol,
            side=order.side, order_type=order.order_type, order_price=order.limit_price, order_quantity=order.quantity,
            leaves_quantity=ZERO if by_value else sub(order.quantity, order.filled_quantity),
            price=fill.price, quantity=quantity, value=value, fee=fee, fee_coin=coin,
            fee_rate=FEE_RATE, is_maker=is_maker, at_ms=at_ms, seq=self.seq,
        )  # fmt: skip
        order.executions.append(execution)
        account.executions.append(execution)
        self._release(account, order, self._share(order, quantity, value))
        base_flow, quote_flow = (quantity, sub(ZERO, value)) if buys else (sub(ZERO, quantity), value)
        for moved, flow in ((quote, quote_flow), (base, base_flow)):
            self._move(account, moved, cash_flow=flow, fee=fee if moved == coin else ZERO, kind="TRADE",
                       entry_id=f"{order.uid}_{fill.exec_id}_{moved}", at_ms=at_ms, execution=execution)  # fmt: skip

    @staticmethod
    def _share(order: Order, quantity: Decimal, value: Decimal) -> Decimal:
        """What a fill frees of the amount set aside: bought at a better price, the difference is freed too."""
        if order.side == "Sell":
            return min(order.locked, quantity)
        if order.by_value:
            return min(order.locked, value)
        return min(order.locked, mul(order.limit_price, quantity))

    @staticmethod
    def _release(account: Account, order: Order, amount: Decimal) -> None:
        holding = account.holding(order.lock_coin)
        holding.locked = sub(holding.locked, amount)
        order.locked = sub(order.locked, amount)

    def _move(
        self, account: Account, coin: str, *, cash_flow: Decimal, fee: Decimal, kind: str, entry_id: str, at_ms: int,
        execution: Execution | None,
    ) -> None:  # fmt: skip
        change = sub(cash_flow, fee)
        holding = account.holding(coin)
        holding.wallet = add(holding.wallet, change)
        self.counter[coin] = sub(self.counter.get(coin, ZERO), change)
        account.log.append(
            LogEntry(
                entry_id=entry_id,
                kind=kind,
                coin=coin,
                cash_flow=cash_flow,
                fee=fee,
                change=change,
                balance=holding.wallet,
                at_ms=at_ms,
                execution=execution,
            )
        )

    def _prices_noted(self, record: happened.PricesNoted) -> None:
        self.prices = dict(record.prices)

    def _world_reset(self, record: happened.WorldReset) -> None:
        for kept in (self.accounts, self.keys, self.orders, self.counter):
            kept.clear()
        self.notices.clear()
        self.last_id = max(self.last_id, record.last_id)
        self.last_uid = max(self.last_uid, record.last_uid)
        self.seq = max(self.seq, record.seq)

    def _trading_halted(self, record: told.TradingHalted) -> None:
        for symbol in record.symbols:
            self.notices.halted.setdefault(symbol, record.at_ms)

    def _trading_resumed(self, record: told.TradingResumed) -> None:
        for symbol in record.symbols:
            self.notices.halted.pop(symbol, None)

    def _rules_changed(self, record: told.RulesChanged) -> None:
        self.notices.rules.setdefault(record.symbol, {}).update(record.rules)

    def _pair_delisted(self, record: told.PairDelisted) -> None:
        self.notices.delisted[record.symbol] = record.at_ms
        for order in self.open_orders_of(record.symbol):
            order.status = states.ended_short(order)
            order.reject_reason = states.PAIR_GONE
            order.cancel_type = states.BY_ADMIN
            order.updated_ms = record.at_ms
            self._close(self.accounts[order.uid], order)

    def _coin_converted(self, record: told.CoinConverted) -> None:
        self._saw(record.conversion_id)
        for account in self.accounts.values():
            amount = account.free(record.coin)
            if amount <= 0:
                continue
            comes = mul(amount, record.ratio)
            moves = ((record.coin, sub(ZERO, amount), "TRANSFER_OUT"), (record.into, comes, "TRANSFER_IN"))
            for coin, flow, kind in moves:
                self._move(account, coin, cash_flow=flow, fee=ZERO, kind=kind, at_ms=record.at_ms, execution=None,
                           entry_id=f"{record.conversion_id}_{account.uid}_{coin}")  # fmt: skip

    def _live_view_forgotten(self, _record: told.LiveViewForgotten) -> None:
        for account in self.accounts.values():
            account.recently_closed.clear()

    def _link_ids_forgotten(self, record: told.LinkIdsForgotten) -> None:
        known = self.accounts[record.uid].by_link_id
        for link_id in record.link_ids:
            known.pop(link_id, None)

    def _saw(self, identifier: str) -> None:
        self.last_id = max(self.last_id, int(identifier))
