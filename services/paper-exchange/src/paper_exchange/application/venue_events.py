"""What happens at a venue beside trading: rules change, a pair goes, a coin gets another name, a fill turns up late."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from paper_exchange.application.accounts import Accounts
from paper_exchange.application.exchange import Exchange
from paper_exchange.application.ports import PrivateFeed
from paper_exchange.domain import order as states
from paper_exchange.domain.exact import add, mul, on_grid
from paper_exchange.domain.order import Order
from paper_exchange.domain.records import FillBooked, OrderMatched
from paper_exchange.domain.refusal import ORDER_DOES_NOT_EXIST, Refused, request_error
from shared.trading.money import ONE

RULES = frozenset({"lot_size", "min_quantity", "min_amount", "max_amount"})


class VenueEvents:
    """The venue's own doings, on command.

    Changed rules and delistings are gone after a restart; conversions and fills are in the journal.
    """

    def __init__(self, exchange: Exchange, accounts: Accounts, feed: PrivateFeed) -> None:
        self._exchange = exchange
        self._accounts = accounts
        self._feed = feed

    def change_rules(self, symbol: str, changes: Mapping[str, Decimal]) -> None:
        """Give a pair other rules.

        Raises:
            Refused: unknown pair or rule.
        """
        unknown = set(changes) - RULES
        if unknown or any(value <= 0 for value in changes.values()):
            raise request_error(f"rules are {', '.join(sorted(RULES))}, above zero")
        self._exchange.market.change_rules(symbol, changes)

    def delist(self, symbol: str) -> int:
        """Take a pair off the list and cancel its orders; how many.

        Raises:
            Refused: unknown pair.
        """
        exchange = self._exchange
        exchange.market.listing(symbol)
        ended = 0
        for uid in list(exchange.ledger.accounts):
            ended += len(exchange.cancel_all(uid, symbol=symbol))
        exchange.market.delist(symbol)
        return ended

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
        changed = 0
        for uid, account in list(self._exchange.ledger.accounts.items()):
            amount = account.free(coin)
            if amount > 0:
                self._accounts.transfer(uid, coin, -amount)
                self._accounts.transfer(uid, into, mul(amount, ratio))
                changed += 1
        return changed

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
        known = len(order.executions)
        fill = FillBooked(exec_id=str(exchange.next_id()), price=price, quantity=quantity)
        exchange.record(
            OrderMatched(
                order_id=order_id,
                fills=(fill,),
                is_maker=False,
                status=states.FILLED if filled == order.quantity else states.PARTIALLY_FILLED_CANCELED,
                reject_reason=order.reject_reason,
                cancel_type=order.cancel_type,
                at_ms=exchange.now_ms(),
            )
        )
        for execution in order.executions[known:]:
            self._feed.executed(execution)
            exchange.milestones.reached(uid, "execution")
        self._feed.order_changed(order)
        self._feed.wallet_changed(uid, (listing.quote, listing.base))
        return order
