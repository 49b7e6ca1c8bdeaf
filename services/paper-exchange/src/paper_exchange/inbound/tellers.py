"""Who is told of what happened: the account's private streams, and the public tape of what traded."""

from __future__ import annotations

from collections import deque

from paper_exchange.application.market import Market
from paper_exchange.application.ports import Journal
from paper_exchange.application.tape import Tape, print_of
from paper_exchange.domain.order import Execution, Order
from paper_exchange.inbound.public_streams import PublicStreams
from paper_exchange.inbound.streams import Streams


class Tellers:
    """Tells both sides, and neither before the disk has what it tells.

    Args:
        private: Holds its own frames back.
        public: Told of a trade once it is on disk.
        tape: What `recent-trade` shows; written once it is on disk.
        market: Its books are newer with every trade.
        journal: Says how far the disk must have come.
    """

    def __init__(self, private: Streams, public: PublicStreams, tape: Tape, market: Market, journal: Journal) -> None:
        self._private = private
        self._public = public
        self._tape = tape
        self._market = market
        self._journal = journal
        self._held: deque[tuple[int, Execution]] = deque()

    def order_changed(self, order: Order) -> None:
        """See `PrivateFeed`."""
        self._private.order_changed(order)

    def executed(self, execution: Execution) -> None:
        """See `PrivateFeed`."""
        self._private.executed(execution)
        self._market.seq += 1
        self._held.append((self._journal.position, execution))

    def wallet_changed(self, uid: str, coins: tuple[str, ...]) -> None:
        """See `PrivateFeed`."""
        self._private.wallet_changed(uid, coins)

    def on_durable(self, position: int) -> None:
        """Let out what is on disk now."""
        self._private.on_durable(position)
        held = self._held
        while held and held[0][0] <= position:
            _, execution = held.popleft()
            trade = print_of(execution)
            self._tape.add(trade)
            self._public.traded(trade)
