"""The exchange itself: every command checks, records what happened, and tells the streams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from paper_exchange.application.market import Market
from paper_exchange.application.matcher import Matcher
from paper_exchange.application.milestones import Milestones
from paper_exchange.application.numbers import Numbers
from paper_exchange.application.ports import Journal, PrivateFeed
from paper_exchange.application.situations import Situations
from paper_exchange.domain import matching
from paper_exchange.domain import order as states
from paper_exchange.domain.account import Account
from paper_exchange.domain.amendment import amend, read_amend_request
from paper_exchange.domain.ledger import Ledger
from paper_exchange.domain.order import Order
from paper_exchange.domain.order_request import read_order_name, read_order_request
from paper_exchange.domain.order_rules import check_order
from paper_exchange.domain.records import (
    FillBooked,
    OrderAccepted,
    OrderAmended,
    OrderMatched,
    OrderRested,
    PricesNoted,
    Record,
    WorldReset,
)
from paper_exchange.domain.refusal import ORDER_DOES_NOT_EXIST, Refused
from paper_exchange.domain.venue_records import PairDelisted
from shared.trading.clock import Clock, epoch_ms
from shared.trading.money import plain


class Exchange:
    """Accounts and orders on one simulated market; its matcher lets them meet the prices.

    Nothing here waits: a caller lets an answer out only after `journal.durable(journal.position)`.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        market: Market,
        journal: Journal,
        feed: PrivateFeed,
        milestones: Milestones,
        clock: Clock,
        inner_band: bool = False,
    ) -> None:
        self.ledger = ledger
        self.market = market
        self.situations = Situations(market, inner_band=inner_band)
        self.journal = journal
        self.milestones = milestones
        self._feed = feed
        self._clock = clock
        self._numbers = Numbers(ledger)
        market.obey(ledger.notices)
        self.matcher = Matcher(ledger, market, self._settle)

    def now_ms(self) -> int:
        """The venue's clock, epoch milliseconds."""
        return epoch_ms(self._clock.now())

    def next_id(self, now_ms: int | None = None) -> int:
        """An even 19-digit number, above every id ever given, also after a restart."""
        return self._numbers.next(self.now_ms() if now_ms is None else now_ms)

    def record(self, record: Record) -> None:
        """Let something happen: state first, then the journal's queue."""
        self.ledger.apply(record)
        self.journal.append(record)

    def account(self, uid: str) -> Account:
        """An account that exists.

        Raises:
            Refused: it does not.
        """
        found = self.ledger.accounts.get(uid)
        if found is None:
            raise Refused(10001, f"no account {uid}")
        return found

    def place(self, uid: str, fields: Mapping[str, object], *, now_ms: int | None = None) -> Order:
        """Accept an order; it is matched later.

        Args:
            uid: Whose.
            fields: As the client wrote them.
            now_ms: The venue's clock, where the caller has looked at it.

        Raises:
            Refused: the venue does not take it.
        """
        request = read_order_request(fields)
        situation = self.situations.open(request.symbol)
        accepted = check_order(request, account=self.account(uid), situation=situation)
        now = self.now_ms() if now_ms is None else now_ms
        number = self.next_id(now)
        self.record(
            OrderAccepted(
                uid=uid,
                order_id=str(number),
                link_id=request.link_id or str(number + 1),
                symbol=request.symbol,
                side=request.side,
                order_type=request.order_type,
                time_in_force=request.time_in_force,
                price=request.price,
                limit_price=accepted.limit_price,
                quantity=request.quantity,
                market_unit=request.market_unit,
                lock_coin=accepted.lock_coin,
                locked=accepted.locked,
                price_on_created=situation.mid,
                at_ms=now,
                slippage_type=request.slippage_type,
                slippage=plain(request.slippage) if request.slippage_type else "",
            )
        )
        order = self.ledger.orders[str(number)]
        self.matcher.accept(order)
        self._tell(order, (order.lock_coin,))
        self.milestones.reached(uid, "order_received")
        return order

    def amend(self, uid: str, fields: Mapping[str, object]) -> Order:
        """Give an open order another price or quantity; it is matched afresh later, as a taker.

        Raises:
            Refused: unknown, ended, or against the rules; the order stays as it was.
        """
        request = read_amend_request(fields)
        order = self._open_order(uid, fields)
        changed = amend(request, order, account=self.account(uid), situation=self.situations.open(order.symbol))
        self.record(
            OrderAmended(
                order_id=order.order_id,
                price=changed.price,
                quantity=changed.quantity,
                locked=changed.locked,
                at_ms=self.now_ms(),
            )
        )
        self.matcher.accept(order)
        self._tell(order, (order.lock_coin,))
        return order

    def _settle(self, order: Order, outcome: matching.Outcome, now_ms: int | None) -> None:
        now = self.now_ms() if now_ms is None else now_ms
        if outcome.trades or outcome.status != order.status:
            self.book(order, outcome.trades, status=outcome.status, reason=outcome.reject_reason, now_ms=now)
        if outcome.rests and not order.resting:
            self.record(OrderRested(order_id=order.order_id, at_ms=now))
            self.matcher.rest(order)

    def book(
        self,
        order: Order,
        trades: Sequence[matching.Trade] = (),
        *,
        status: str,
        reason: str,
        cancel_type: str = states.CANCEL_UNKNOWN,
        now_ms: int | None = None,
    ) -> None:
        """Let an order trade, end, or both, in one record, and tell its owner."""
        now = self.now_ms() if now_ms is None else now_ms
        known, was_open = len(order.executions), order.is_open
        fills = [
            FillBooked(exec_id=str(self.next_id(now)), price=trade.price, quantity=trade.quantity) for trade in trades
        ]
        self.record(
            OrderMatched(
                order_id=order.order_id,
                fills=tuple(fills),
                is_maker=order.resting,
                status=status,
                reject_reason=reason,
                cancel_type=cancel_type,
                at_ms=now,
            )
        )
        for execution in order.executions[known:]:
            self._feed.executed(execution)
            self.milestones.reached(order.uid, "execution")
        listing = self.market.listings[order.symbol]
        self._tell(order, (listing.quote, listing.base) if trades else (order.lock_coin,))
        if was_open and not order.is_open:
            self._ended(order)

    def _ended(self, order: Order) -> None:
        self.matcher.end(order)
        self.milestones.reached(order.uid, "order_closed")

    def _tell(self, order: Order, coins: Iterable[str]) -> None:
        self._feed.order_changed(order)
        self._feed.wallet_changed(order.uid, tuple(coins))

    def cancel(self, uid: str, fields: Mapping[str, object]) -> Order:
        """Cancel an order that can still trade.

        Raises:
            Refused: unknown, filled or already ended.
        """
        order = self._open_order(uid, fields)
        self._end(order)
        return order

    def _open_order(self, uid: str, fields: Mapping[str, object]) -> Order:
        """The order that a client names; the order id wins over the link id."""
        named = read_order_name(fields)
        account = self.account(uid)
        order = account.orders.get(named.order_id) if named.order_id else account.by_link_id.get(named.link_id)
        if order is None or order.symbol != named.symbol:
            raise Refused(*ORDER_DOES_NOT_EXIST)
        if order.status == states.FILLED:
            raise Refused(170139, "Order has been filled.")
        if not order.is_open:
            raise Refused(170142, "Order has been cancelled.")
        return order

    def cancel_all(self, uid: str, *, symbol: str = "", base: str = "") -> list[Order]:
        """Cancel everything that can still trade: of one pair, else of one base coin, else of all."""
        listings = self.market.listings
        ended = [
            order
            for order in self.account(uid).open_orders.values()
            if symbol in {"", order.symbol} and (symbol or base in {"", listings[order.symbol].base})
        ]
        for order in ended:
            self._end(order)
        return ended

    def _end(self, order: Order) -> None:
        status = states.ended_short(order)
        self.book(order, status=status, reason=states.BY_USER, cancel_type=states.CANCEL_BY_USER)

    def reject(self, order: Order, reason: str) -> None:
        """End an order that was acknowledged and never traded: the venue finds afterwards that it cannot take it."""
        self.book(order, status=states.REJECTED, reason=reason)

    def notice(self, notice: Record) -> list[Order]:
        """Announce something about the pairs; the open orders that end by it."""
        delisted = notice.symbol if isinstance(notice, PairDelisted) else ""
        ending = self.ledger.open_orders_of(delisted) if delisted else []
        self.record(notice)
        self.market.obey(self.ledger.notices)
        for order in ending:
            self._tell(order, (order.lock_coin,))
            self._ended(order)
        return ending

    def reset(self) -> int:
        """Forget all accounts, keys, orders and notices; how many accounts there were. Prices go on."""
        forgotten = len(self.ledger.accounts)
        ledger, now = self.ledger, self.now_ms()
        self.record(WorldReset(last_id=self._numbers.last, last_uid=ledger.last_uid, seq=ledger.seq, at_ms=now))
        self.market.obey(ledger.notices)
        self.matcher.forget()
        return forgotten

    def note_prices(self) -> None:
        """Write the prices down, so that a restart goes on where it stopped."""
        self.record(PricesNoted(prices=self.market.walk.snapshot(), at_ms=self.now_ms()))
