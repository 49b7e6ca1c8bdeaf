"""The paper exchange without its wire: ledger, market, matching and front office, driven by the loop's clock."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from paper_exchange.application.accounts import Accounts, KeyTerms
from paper_exchange.application.exchange import Exchange
from paper_exchange.application.market import Market
from paper_exchange.application.milestones import Milestones
from paper_exchange.application.timeline import Timeline
from paper_exchange.application.venue_events import VenueEvents
from paper_exchange.domain.account import Account as VenueAccount
from paper_exchange.domain.account import LogEntry
from paper_exchange.domain.ledger import Ledger
from paper_exchange.domain.listing import Listing
from paper_exchange.domain.order import Execution, Order
from paper_exchange.domain.price_walk import PriceWalk
from paper_exchange.domain.records import Record, Transferred
from paper_exchange.outbound.rsa_signatures import RsaSignatures
from shared.trading.clock import Clock

STEP_MAX_S = 86_400.0
MATCH_DELAY_S = 0.002
FRAME_DELAY_S = 0.04


class _NoDisk:
    """The port `Journal` of a venue that is never killed."""

    def __init__(self) -> None:
        self.position = 0

    def append(self, record: Record) -> int:
        del record
        self.position += 1
        return self.position

    async def durable(self, position: int) -> None:
        del position


class _NoSecrets:
    """The port `Secrets`: nobody signs anything here."""

    def __init__(self) -> None:
        self._given = 0

    def api_key(self) -> str:
        self._given += 1
        return f"key-{self._given}"

    def api_secret(self) -> str:
        return "nobody signs"


class Frames:
    """The port `PrivateFeed`: who listens to which account."""

    def __init__(self) -> None:
        self.orders: dict[str, Callable[[Order], None]] = {}
        self.executions: dict[str, Callable[[Execution], None]] = {}

    def order_changed(self, order: Order) -> None:
        """An order was accepted, traded or ended."""
        if order.uid in self.orders:
            self.orders[order.uid](order)

    def executed(self, execution: Execution) -> None:
        """An order traded."""
        if execution.uid in self.executions:
            self.executions[execution.uid](execution)

    def wallet_changed(self, uid: str, coins: tuple[str, ...]) -> None:
        """Balances are asked for when they are needed."""


class PaperVenue:
    """The engine, and what its customers and the venue itself do beside Basketry.

    Args:
        listings: What is listed.
        clock: The loop's.
        seed: Of the simulated market.
    """

    def __init__(self, listings: Sequence[Listing], clock: Clock, *, seed: int) -> None:
        walk = PriceWalk(listings, random.Random(seed), gaps_per_day=0.03)
        self.frames = Frames()
        self.ledger = Ledger({listing.symbol: listing for listing in listings})
        self.market = Market(listings, walk, clock, max_step_s=STEP_MAX_S)
        self.exchange = Exchange(
            ledger=self.ledger,
            market=self.market,
            journal=_NoDisk(),
            feed=self.frames,
            milestones=Milestones(),
            clock=clock,
        )
        self.accounts = Accounts(self.exchange, _NoSecrets(), self.frames, RsaSignatures())
        self.events = VenueEvents(self.exchange, self.frames)
        self._timeline = Timeline(self.exchange, lambda: None)

    def open(self, balances: Mapping[str, Decimal]) -> str:
        """A customer; the account's number."""
        return self.accounts.open(balances, KeyTerms()).uid

    def account(self, uid: str) -> VenueAccount:
        """A customer's books."""
        return self.exchange.account(uid)

    def tick(self) -> None:
        """Prices move by the time since the last tick, and resting orders meet them."""
        self._timeline.tick()

    def place(self, uid: str, fields: Mapping[str, object]) -> Order:
        """Take an order, as over the wire; it is matched a moment later.

        Raises:
            Refused: the venue does not take it.
        """
        order = self.exchange.place(uid, fields)
        matcher = self.exchange.matcher
        for order_id in matcher.take():
            asyncio.get_running_loop().call_later(MATCH_DELAY_S, matcher.match, order_id)
        return order

    def pay_interest(self, uid: str, coin: str, amount: Decimal) -> None:
        """Credit a coin for nothing, as Earn products do."""
        exchange = self.exchange
        exchange.record(
            Transferred(
                uid=uid,
                transfer_id=str(exchange.next_id()),
                coin=coin,
                amount=amount,
                kind="INTEREST",
                at_ms=exchange.now_ms(),
            )
        )

    def balances(self, uid: str) -> dict[str, Decimal]:
        """What the account holds, locked coins included; nothing of zero."""
        return {coin: holding.wallet for coin, holding in self.account(uid).holdings.items() if holding.wallet}

    def log_since(self, uid: str, since_ms: int) -> list[LogEntry]:
        """Lines of the transaction log from a moment on, oldest first."""
        return _newest(self.account(uid).log, since_ms)

    def executions_since(self, uid: str, since_ms: int) -> list[Execution]:
        """Matches from a moment on, oldest first."""
        return _newest(self.account(uid).executions, since_ms)


def _newest(rows: Sequence[object], since_ms: int) -> list:  # type: ignore[type-arg]
    found = []
    for row in reversed(rows):
        if row.at_ms < since_ms:  # type: ignore[attr-defined]
            break
        found.append(row)
    return found[::-1]
