"""What happens at a venue beside trading: halts, rules change, a pair goes, a coin gets another name, a fill turns up late."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from paper_exchange.application.exchange import Exchange
from paper_exchange.application.ports import PrivateFeed
from paper_exchange.domain import order as states
from paper_exchange.domain.exact import add, mul, on_grid
from paper_exchange.domain.matching import Trade
from paper_exchange.domain.notices import RULES
from paper_exchange.domain.order import Order
from paper_exchange.domain.refusal import ORDER_DOES_NOT_EXIST, Refused, request_error
from paper_exchange.domain.venue_records import (
    CoinConverted,
    LinkIdsForgotten,
    LiveViewForgotten,
    PairDelisted,
    RulesChanged,
    TradingHalted,
    TradingResumed,
)
from shared.trading.money import ONE


class VenueEvents:
    """The venue's own doings, on command; each is one record of the journal, so that it happens whole or not at all."""

    def __init__(self, exchange: Exchange, feed: PrivateFeed) -> None:
        self._exchange = exchange
        self._feed = feed

    def halt(self, symbols: Iterable[str]) -> None:
        """Let nothing trade some pairs.

        Raises:
            Refused: unknown pair.
        """
        fresh = self._listed(symbols, halted=False)
        if fresh:
            self._exchange.notice(TradingHalted(symbols=fresh, at_ms=self._exchange.now_ms()))

    def resume(self, symbols: Iterable[str]) -> None:
        """Let some pairs trade again.

        Raises:
            Refused: unknown pair.
        """
        waiting = self._listed(symbols, halted=True)
        if waiting:
            self._exchange.notice(TradingResumed(symbols=waiting, at_ms=self._exchange.now_ms()))

    def _listed(self, symbols: Iterable[str], *, halted: bool) -> tuple[str, ...]:
        market = self._exchange.market
        return tuple(symbol for symbol in symbols if (market.listing(symbol).symbol in market.halted) is halted)

    def change_rules(self, symbol: str, changes: Mapping[str, Decimal]) -> None:
        """Give a pair other rules (`lot_size`, `min_quantity`, `min_amount`, `max_amount`).

        Raises:
            Refused: unknown pair or rule.
        """
        exchange = self._exchange
        if set(changes) - RULES or any(value <= 0 for value in changes.values()):
            raise request_error(f"rules are {', '.join(sorted(RULES))}, above zero")
        listing = exchange.market.listing(symbol)
        exchange.notice(RulesChanged(symbol=listing.symbol, rules=dict(changes), at_ms=exchange.now_ms()))

    def delist(self, symbol: str) -> int:
        """Take a pair off the list and end its orders; how many.

        Raises:
            Refused: unknown pair.
        """
        exchange = self._exchange
        listing = exchange.market.listing(symbol)
        return len(exchange.notice(PairDelisted(symbol=listing.symbol, at_ms=exchange.now_ms())))

    def convert(self, coin: str, into: str, ratio: Decimal = ONE) -> int:
        """Turn everybody's coins into another coin, as when a coin gets a new name; what orders lock stays.

        Args:
            coin: What goes.
            into: What comes.
            ratio: New units for one old unit, above zero.

        Returns:
            How many accounts held some.
        """
        if ratio <= 0 or coin == into:
            raise request_error("ratio must be above zero, and the coins two")
        exchange = self._exchange
        holders = [uid for uid, account in exchange.ledger.accounts.items() if account.free(coin) > 0]
        number, now = str(exchange.next_id()), exchange.now_ms()
        exchange.record(CoinConverted(conversion_id=number, coin=coin, into=into, ratio=ratio, at_ms=now))
        for uid in holders:
            self._feed.wallet_changed(uid, (coin, into))
        return len(holders)

    def forget_live_view(self) -> None:
        """Let the live view forget every order that ended, as the venue's own restarts do."""
        self._exchange.record(LiveViewForgotten(at_ms=self._exchange.now_ms()))

    def forget_links(self, uid: str, link_ids: Iterable[str]) -> None:
        """Let link ids that were used look new, as a venue would that keeps them for a while only."""
        known = self._exchange.account(uid).by_link_id
        forgotten = tuple(dict.fromkeys(link_id for link_id in link_ids if link_id in known))
        if forgotten:
            self._exchange.record(LinkIdsForgotten(uid=uid, link_ids=forgotten, at_ms=self._exchange.now_ms()))

    def fill_late(self, uid: str, order_id: str, *, quantity: Decimal, price: Decimal) -> Order:
        """Book a fill of an order that ended before: a match that the venue tells of afterwards.

        Raises:
            Refused: no such order, still open, more than was ordered, or more than the account can pay.
        """
        exchange = self._exchange
        account = exchange.account(uid)
        order = account.orders.get(order_id)
        if order is None or order.is_open:
            raise Refused(*ORDER_DOES_NOT_EXIST)
        listing = exchange.market.listings[order.symbol]
        filled = add(order.filled_quantity, quantity)
        if quantity <= 0 or price <= 0 or not on_grid(quantity, step=listing.lot_size) or filled > order.quantity:
            raise request_error("quantity must be whole lots of what was not filled, price above zero")
        needed = mul(quantity, price) if order.side == "Buy" else quantity
        if needed > account.free(listing.quote if order.side == "Buy" else listing.base):
            raise Refused(170131, "Insufficient balance.")
        status = states.FILLED if filled == order.quantity else states.PARTIALLY_FILLED_CANCELED
        trade = Trade(price, quantity)
        exchange.book(order, (trade,), status=status, reason=order.reject_reason, cancel_type=order.cancel_type)
        return order
