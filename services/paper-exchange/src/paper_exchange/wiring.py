"""The composition root: builds the venue and runs its loops."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import structlog

from paper_exchange.application.accounts import Accounts
from paper_exchange.application.authenticate import Doorkeeper
from paper_exchange.application.exchange import Exchange
from paper_exchange.application.faults import Faults
from paper_exchange.application.linear_market import LinearMarket
from paper_exchange.application.market import MAX_STEP_S, Market
from paper_exchange.application.match_queue import MatchQueue
from paper_exchange.application.milestones import Milestones
from paper_exchange.application.numbers import last_moment_ms
from paper_exchange.application.tape import Tape
from paper_exchange.application.timeline import Timeline
from paper_exchange.application.venue_clock import VirtualClock, virtual
from paper_exchange.application.venue_events import VenueEvents
from paper_exchange.domain.ip_budget import IpBudget
from paper_exchange.domain.ledger import Ledger
from paper_exchange.domain.listing import Listing
from paper_exchange.inbound.account_routes import AccountRoutes
from paper_exchange.inbound.asgi import ExchangeApp
from paper_exchange.inbound.coingecko import CoinGeckoApp
from paper_exchange.inbound.control import LOOPBACK, Control
from paper_exchange.inbound.control_market import ControlMarket
from paper_exchange.inbound.control_state import ControlState
from paper_exchange.inbound.control_venue import ControlVenue
from paper_exchange.inbound.endpoints import Rooms
from paper_exchange.inbound.linear_routes import LinearRoutes
from paper_exchange.inbound.linear_topics import LinearTopics
from paper_exchange.inbound.market_routes import MarketRoutes
from paper_exchange.inbound.open_sockets import OpenSockets
from paper_exchange.inbound.public_door import PublicDoor
from paper_exchange.inbound.public_streams import PublicStreams
from paper_exchange.inbound.query_routes import QueryRoutes
from paper_exchange.inbound.rest import Rest
from paper_exchange.inbound.spot_topics import SpotTopics
from paper_exchange.inbound.streams import Streams
from paper_exchange.inbound.tellers import Tellers
from paper_exchange.inbound.topics import BareTopics, Topics
from paper_exchange.inbound.trade_routes import TradeRoutes
from paper_exchange.inbound.trade_stream import TradeStream
from paper_exchange.outbound.archive import Archive
from paper_exchange.outbound.dataset import load_coins, load_contracts, load_listings
from paper_exchange.outbound.feeds import BuiltFeed, FeedChoice, build_feed
from paper_exchange.outbound.key_material import RandomKeyMaterial
from paper_exchange.outbound.rsa_signatures import RsaSignatures
from paper_exchange.outbound.state_dump import state_digest
from paper_exchange.settings import Settings
from shared.trading.clock import Clock, SystemClock, epoch_ms

log = structlog.get_logger()

VIRTUAL_STEP_S = 86_400.0
"""Virtual time may step as far as it is told."""


class Venue:
    """The whole venue: state read back from the journal, two applications, and the loops that keep it going."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        listings = load_listings()
        self.ledger = Ledger({listing.symbol: listing for listing in listings})
        self._archive = Archive(
            settings.data_folder,
            cache_after_records=settings.cache_after_records,
            begin_with_snapshot=settings.snapshot_file,
        )
        self.journal = self._archive.recall(self.ledger)
        clock, built = self._time_and_prices(clock or SystemClock(), listings)
        self._link = built.link
        longest = VIRTUAL_STEP_S if virtual(clock) else MAX_STEP_S
        self.market = Market(listings, built.prices, clock, frozen=settings.feed == "frozen", max_step_s=longest)
        self.faults = Faults(
            random.Random(settings.seed),  # noqa: S311
            latency_ms=settings.latency_ms,
            stream_latency_ms=settings.stream_latency_ms,
            match_delay_ms=0 if virtual(clock) else settings.match_delay_ms,
            now_ms=lambda: epoch_ms(clock.now()),
        )
        self.tape = Tape()
        self._routes = MarketRoutes(self.market, clock, self.tape, inner_band=settings.inner_price_band)
        rsa = RsaSignatures()
        self._door = Doorkeeper(self.ledger.keys, rsa)
        self.private = Streams(self.ledger, self._door, self.faults, clock, self._routes.prices)
        self.private.write_after(self.journal)
        self._linear = LinearMarket(load_contracts(), self.market)
        self._linear_routes = LinearRoutes(self._linear)
        spot = PublicStreams(SpotTopics(self.market, self._routes, self.tape), self.faults)
        self.public = self._public_door(spot)
        self._tellers = tellers = Tellers(self.private, spot, self.tape, self.market, self.journal)
        self.exchange = Exchange(
            ledger=self.ledger, market=self.market, journal=self.journal, feed=tellers,
            milestones=Milestones(), clock=clock, inner_band=settings.inner_price_band,
        )  # fmt: skip
        self.timeline = Timeline(self.exchange, self.public.tick, clock=virtual(clock))
        self.accounts = Accounts(self.exchange, RandomKeyMaterial(), tellers, rsa)
        self.events = VenueEvents(self.exchange, tellers)
        self._to_match = MatchQueue(self.exchange, self.faults, self.timeline)
        self._running = False
        self.journal.on_durable(self._on_durable)

    def _time_and_prices(self, clock: Clock, listings: list[Listing]) -> tuple[Clock, BuiltFeed]:
        """The venue's clock and its feed; virtual time goes on after the last moment in the journal."""
        settings = self._settings
        choice = FeedChoice(
            kind=settings.feed,
            seed=settings.seed,
            gaps_per_day=settings.gaps_per_day,
            replay_file=settings.replay_file,
            replay_loop=settings.replay_loop,
            mirror_url=settings.mirror_url,
            mirror_symbols=tuple(symbol for symbol in settings.mirror_symbols.split(",") if symbol),
        )
        if settings.clock == "virtual":
            built = build_feed(choice, listings, start_ms=settings.clock_start_ms)
            known_ms = last_moment_ms(self.ledger.last_id)
            clock = VirtualClock(max(settings.clock_start_ms or built.first_ms, known_ms + 1 if known_ms else 0))
        else:
            built = build_feed(choice, listings, start_ms=epoch_ms(clock.now()))
        built.prices.resume(self.ledger.prices)
        return clock, built

    def _public_door(self, spot: PublicStreams) -> PublicDoor:
        """Every public socket; of inverse contracts and options there are none, and no maintenance is ever announced."""
        others: tuple[Topics, ...] = (
            LinearTopics(self._linear, self._linear_routes),
            BareTopics("/v5/public/inverse"),
            BareTopics("/v5/public/option"),
            BareTopics("/v5/public/misc/status", frozenset({"system.status"})),
        )
        return PublicDoor((spot, *(PublicStreams(topics, self.faults) for topics in others)))

    def app(self) -> ExchangeApp:
        """The venue's own port."""
        rooms = Rooms(
            market=self._routes,
            linear=self._linear_routes,
            trade=TradeRoutes(self.exchange),
            queries=QueryRoutes(self.exchange, self.faults),
            account=AccountRoutes(self.exchange, self._routes, self._linear),
        )
        rest = Rest(self.exchange, self.events, self.faults, rooms, door=self._door, budget=self._budget())
        sockets = OpenSockets(self.faults)
        control = Control(
            exchange=self.exchange, accounts=self.accounts, faults=self.faults, streams=self.private,
            events=ControlVenue(self.events, self.faults, sockets),
            state=ControlState(self.exchange, self.journal, self.private, state_digest),
            public=self.public, sockets=sockets, paths={*rest.paths, "/v5/private", "/v5/trade", *self.public.by_path},
            market=ControlMarket(self.exchange, self.timeline, self.events, feed=self._settings.feed, line=self._link),
            admin_token=self._settings.admin_token.get_secret_value(), bind_host=self._settings.host,
        )  # fmt: skip
        return ExchangeApp(
            rest=rest, control=control, private=self.private, public=self.public,
            trade=TradeStream(rest, self._door, self.exchange.now_ms), sockets=sockets,
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
        """Frames leave; orders on disk are acknowledged first and matched after."""
        self._tellers.on_durable(position)
        self._to_match.on_durable()

    async def run(self) -> None:
        """Keep the venue going until cancelled; ends with the error when the journal cannot be written."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.journal.run())
            if self.timeline.clock is None:
                group.create_task(self._every(self._settings.tick_ms / 1000, self._tick))
                group.create_task(self._every(self._settings.prices_every_s, self.exchange.note_prices))
            if self._link is not None:
                group.create_task(self._link.run())
            self._on_durable(0)
            self._running = True

    @staticmethod
    async def _every(seconds: float, action: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(seconds)
            action()

    def _tick(self) -> None:
        if self._link is not None:
            self._link.tell()
        self.timeline.tick()

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
        self._archive.close(self.journal, self.ledger)
