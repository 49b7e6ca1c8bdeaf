"""The composition root: builds the venue and runs its loops."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from paper_exchange.application.accounts import Accounts
from paper_exchange.application.exchange import Exchange
from paper_exchange.application.faults import Faults
from paper_exchange.application.linear_market import LinearMarket
from paper_exchange.application.market import Market
from paper_exchange.application.milestones import Milestones
from paper_exchange.application.tape import Tape
from paper_exchange.domain.ip_budget import IpBudget
from paper_exchange.domain.ledger import Ledger
from paper_exchange.domain.order import Execution, Order
from paper_exchange.domain.price_walk import PriceWalk
from paper_exchange.inbound.account_routes import AccountRoutes
from paper_exchange.inbound.asgi import ExchangeApp
from paper_exchange.inbound.coingecko import CoinGeckoApp
from paper_exchange.inbound.control import LOOPBACK, Control
from paper_exchange.inbound.endpoints import Rooms
from paper_exchange.inbound.linear_routes import LinearRoutes
from paper_exchange.inbound.market_routes import MarketRoutes
from paper_exchange.inbound.public_streams import PublicStreams
from paper_exchange.inbound.query_routes import QueryRoutes
from paper_exchange.inbound.rest import Rest
from paper_exchange.inbound.streams import Streams
from paper_exchange.inbound.trade_routes import TradeRoutes
from paper_exchange.outbound.dataset import load_coins, load_contracts, load_listings
from paper_exchange.outbound.file_journal import FileJournal
from paper_exchange.outbound.key_material import RandomKeyMaterial
from paper_exchange.settings import Settings
from shared.trading.clock import Clock, SystemClock

log = structlog.get_logger()


@dataclass(slots=True)
class Tellers:
    """Tells the private streams, and the public tape of what traded."""

    private: Streams
    public: PublicStreams
    tape: Tape

    def order_changed(self, order: Order) -> None:
        """See `PrivateFeed`."""
        self.private.order_changed(order)

    def executed(self, execution: Execution) -> None:
        """See `PrivateFeed`."""
        self.private.executed(execution)
        self.tape.note(execution)
        self.public.traded(execution)

    def wallet_changed(self, uid: str, coins: tuple[str, ...]) -> None:
        """See `PrivateFeed`."""
        self.private.wallet_changed(uid, coins)


class Venue:
    """The whole venue: state read back from the journal, two applications, and the loops that keep it going."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        clock = clock or SystemClock()
        listings = load_listings()
        self.journal = FileJournal(settings.data_folder)
        self.ledger = Ledger({listing.symbol: listing for listing in listings})
        for record in self.journal.replay():
            self.ledger.apply(record)
        walk = PriceWalk(listings, random.Random(settings.seed))  # noqa: S311 - a simulated market, not a secret
        walk.resume(self.ledger.prices)
        self.market = Market(listings, walk, clock, frozen=settings.feed == "frozen")
        self.faults = Faults(
            random.Random(settings.seed),  # noqa: S311
            latency_ms=settings.latency_ms,
            stream_latency_ms=settings.stream_latency_ms,
            match_delay_ms=settings.match_delay_ms,
        )
        self.tape = Tape()
        self._routes = MarketRoutes(self.market, clock, self.tape, inner_band=settings.inner_price_band)
        self.private = Streams(self.ledger, self.faults, clock, self._routes.prices)
        self.private.write_after(self.journal)
        self.public = PublicStreams(self.market, self._routes)
        tellers = Tellers(self.private, self.public, self.tape)
        self.exchange = Exchange(
            ledger=self.ledger, market=self.market, journal=self.journal, feed=tellers,
            milestones=Milestones(), clock=clock, inner_band=settings.inner_price_band,
        )  # fmt: skip
        self.accounts = Accounts(self.exchange, RandomKeyMaterial(), tellers)
        self._matching: list[tuple[int, str]] = []
        self._running = False
        self.journal.on_durable(self._on_durable)

    def app(self) -> ExchangeApp:
        """The venue's own port."""
        rooms = Rooms(
            market=self._routes,
            linear=LinearRoutes(LinearMarket(load_contracts(), self.market)),
            trade=TradeRoutes(self.exchange),
            queries=QueryRoutes(self.exchange, self.faults),
            account=AccountRoutes(self.exchange, self._routes),
        )
        rest = Rest(self.exchange, self.faults, rooms, budget=self._budget())
        control = Control(
            exchange=self.exchange, accounts=self.accounts, faults=self.faults, streams=self.private,
            admin_token=self._settings.admin_token.get_secret_value(),
        )  # fmt: skip
        return ExchangeApp(
            rest=rest, control=control, private=self.private, public=self.public,
            ready=lambda: self._running, metrics=self._metrics,
        )  # fmt: skip

    def _budget(self) -> IpBudget:
        settings = self._settings
        spared = frozenset() if settings.ip_limit_loopback else LOOPBACK
        return IpBudget(settings.ip_requests, ban_ms=int(settings.ip_ban_s * 1000), spared=spared)

    def coingecko_app(self) -> CoinGeckoApp:
        """The CoinGecko replay's port."""
        return CoinGeckoApp(self.market, load_coins())

    def _on_durable(self, position: int) -> None:
        """Orders on disk are acknowledged first and matched after; frames leave."""
        self.private.on_durable(position)
        loop = asyncio.get_running_loop()
        waiting = self.exchange.to_match
        if not waiting:
            return
        self.exchange.to_match = []
        for order_id in waiting:
            delay = self.faults.match_delay_s(self.ledger.orders[order_id].uid)
            loop.call_later(delay, self.exchange.match, order_id)

    async def run(self) -> None:
        """Keep the venue going until cancelled; ends with the error when the journal cannot be written."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.journal.run())
            group.create_task(self._every(self._settings.tick_ms / 1000, self._tick))
            group.create_task(self._every(self._settings.prices_every_s, self.exchange.note_prices))
            self._on_durable(0)
            self._running = True

    @staticmethod
    async def _every(seconds: float, action: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(seconds)
            action()

    def _tick(self) -> None:
        self.market.tick()
        self.exchange.match_resting()
        self.public.tick()

    def _metrics(self) -> bytes:
        lines = [
            f"paper_exchange_accounts {len(self.ledger.accounts)}",
            f"paper_exchange_orders_total {len(self.ledger.orders)}",
            f"paper_exchange_executions_total {self.ledger.seq}",
            f"paper_exchange_ticks_total {self.market.ticks}",
            f"paper_exchange_journal_records_total {self.journal.durable_position}",
        ]
        return ("\n".join(lines) + "\n").encode()

    def close(self) -> None:
        """Write the prices down and close the journal."""
        self._running = False
        self.exchange.note_prices()
        self.journal.close()
