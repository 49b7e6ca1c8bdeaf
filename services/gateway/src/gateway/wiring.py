"""The composition root: the only module that knows every room."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import structlog
from fastapi import FastAPI
from nats.aio.client import Client
from prometheus_client import Counter, Gauge

from gateway.application.close_position import ClosePosition
from gateway.application.freshness import Freshness
from gateway.application.hub import Hub
from gateway.application.keep_dead_letter import KeepDeadLetter
from gateway.application.open_position import OpenPosition
from gateway.application.paint_picture import PaintPicture
from gateway.application.rebalance_positions import Pace, RebalancePositions
from gateway.application.run_plan import RunPlan
from gateway.application.sweep_waiting import SweepWaiting
from gateway.application.turns import Turns
from gateway.inbound.api import create_app
from gateway.inbound.dead_letters import dead_letter_router
from gateway.inbound.desk import Desk, put
from gateway.inbound.events import account_router, execution_router, market_router, portfolio_router
from gateway.inbound.limits import Limits
from gateway.inbound.live_feed import LiveFeed
from gateway.inbound.shown import show
from gateway.inbound.tokens import AccessTokens
from gateway.outbound.execution_client import ExecutionPlanAgain, ExecutionPlanner, ExecutionPositions
from gateway.outbound.feed import FeedConnection, FeedHistory, FeedReader
from gateway.outbound.postgres.acceptance_repository import PostgresAcceptances
from gateway.outbound.postgres.attention_reader import PostgresAttention
from gateway.outbound.postgres.dead_letter_repository import PostgresDeadLetters
from gateway.outbound.postgres.export_reader import PostgresExports
from gateway.outbound.postgres.index_repository import PostgresIndexRepository
from gateway.outbound.postgres.picture_repository import PostgresPictures
from gateway.outbound.postgres.plan_repository import PostgresPlanRepository, PostgresPruning
from gateway.outbound.postgres.position_reader import PostgresPainted, PostgresPositionReader
from gateway.outbound.postgres.rebalancing_repository import PostgresRebalancings
from gateway.outbound.postgres.tables import outbox
from gateway.outbound.postgres.waiting_repository import PostgresWaitingPositions
from gateway.outbound.rebalance_client import ExecutionRebalancePlanner, MarketIndexHeads
from gateway.outbound.stream_messages import StreamMessages
from gateway.outbound.token_keys import AuthTokenKeys
from gateway.settings import Settings
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
from shared.runtime.process import Process
from shared.runtime.settings import dsn_text
from shared.trading.clock import Clock, Ids, SystemClock, SystemIds

PRUNE_S = 3600.0
LOOK_S = 1.0
"""Between two searches for positions that are due for a look: one short question."""
NAMELESS = 512
"""Sockets that have not said yet who they are; each has five seconds for it."""
log = structlog.get_logger(__name__)


class Gateway:
    """Everything of one process, connected.

    Args:
        settings: Of the environment.
        clock: For tests; the machine's by default.
    """

    def __init__(self, settings: Settings, *, clock: Clock | None = None, ids: Ids | None = None) -> None:
        self._clock = clock or SystemClock()
        self._ids = ids or SystemIds()
        pool = settings.database_pool
        self.database = Database(dsn_text(settings.database_dsn), pool_size=pool, ready=max(2, pool // 2))
        self._everybody = Database(dsn_text(settings.relay_dsn, name="RELAY_DSN"), pool_size=2)
        self._sweep_every_s = settings.sweep_s
        self._sweep_after_s = settings.signing_s + settings.sweep_margin_s
        self._connection = FeedConnection(self._connect_feed)
        self._fresh = Freshness(PostgresPainted(self.database))
        self.hub = Hub(show, heard=self._fresh.heard)
        paint = PaintPicture(PostgresPictures(self.database))
        index_shelf = PostgresIndexRepository(self.database)
        letters = PostgresDeadLetters(self.database)
        keep = KeepDeadLetter(letters, counted=lambda stream: self._dead.labels(stream).inc())
        self.process = Process(
            "gateway",
            settings,
            database=self.database,
            outbox=outbox,
            events=[
                execution_router(paint),
                portfolio_router(paint),
                account_router(paint),
                market_router(index_shelf),
                dead_letter_router(keep, StreamMessages(self._connection).find, self._clock),
            ],
            loops={
                "feed": FeedReader(self._connection, self.hub).follow_for_ever,
                "prune": self._prune,
                "sweep": self._sweep,
                "rebalance": self._rebalance,
            },
            on_start=[self.database.open],
            on_terminate=[self.hub.close_all],
            on_stop=[self._close],
        )
        self._dead = Counter("dead_letters", "Messages given up on", ["stream"], registry=self.process.registry)
        streams = Gauge("event_streams", "Browsers that listen", registry=self.process.registry)
        streams.set_function(lambda: self.hub.listeners)
        self._pace = Pace(
            every=timedelta(seconds=settings.rebalance_s), pause=timedelta(seconds=settings.rebalance_pause_s)
        )
        self.desk = self._desk(settings, index_shelf, letters)

    def app(self, settings: Settings) -> FastAPI:
        """The public door."""
        app = create_app(origins=settings.cors_origins, body_limit=settings.body_limit, ids=self._ids)
        put(app.state, self.desk)
        self.process.attach(app)
        return app

    def _desk(self, settings: Settings, index_shelf: PostgresIndexRepository, letters: PostgresDeadLetters) -> Desk:
        ask = self.process.ask
        shelf = PostgresPlanRepository(self.database)
        planner = self._planner = ExecutionPlanner(ask, shelf)
        says = Outbox(outbox, source="gateway", clock=self._clock, ids=self._ids)
        acceptances = PostgresAcceptances(self.database, says)
        turns = Turns()
        again = ExecutionPlanAgain(planner, shelf, tolerance=settings.price_tolerance)
        reader = PostgresPositionReader(self.database)
        return Desk(
            ask=ask,
            tokens=AccessTokens(
                AuthTokenKeys(ask, self._clock),
                issuer=settings.token_issuer,
                audience=settings.token_audience,
                clock=self._clock,
            ),
            limits=Limits(settings.limits),
            open_position=OpenPosition(
                acceptances=acceptances,
                planner=planner,
                again=again,
                turns=turns,
                clock=self._clock,
                ids=self._ids,
                signing_s=settings.signing_s,
            ),
            close_position=ClosePosition(
                acceptances=acceptances, planner=planner, turns=turns, clock=self._clock, signing_s=settings.signing_s
            ),
            run_plan=RunPlan(
                acceptances=acceptances,
                again=again,
                turns=turns,
                clock=self._clock,
                signing_s=settings.signing_s,
            ),
            plans=planner,
            plan_shelf=shelf,
            index_shelf=index_shelf,
            positions=reader,
            rebalancings=PostgresRebalancings(everybody=self._everybody, database=self.database, outbox=says),
            exports=PostgresExports(self.database),
            clock=self._clock,
            fresh=self._fresh,
            dead_letters=letters,
            attention=PostgresAttention(self._everybody),
            feed=LiveFeed(
                hub=self.hub,
                history=FeedHistory(self._connection),
                positions=reader,
                fresh=self._fresh,
                clock=self._clock,
            ),
            nameless=asyncio.Semaphore(NAMELESS),
            chance=random.Random(),  # noqa: S311 - spreads reconnects, keeps no secret
            origins=frozenset(settings.cors_origins),
            environment=settings.default_environment,
            paper_balance=settings.paper_balance,
            paper_balance_max=settings.paper_balance_max,
            health={"database": self.database.ping, "bus": self._bus, "live_feed": self._live_feed},
        )

    async def _connect_feed(self) -> Client:
        return await self.process.connect("feed")

    async def _bus(self) -> None:
        if not await self.process.broker.ping(1.0):
            raise RuntimeError("no answer")

    async def _live_feed(self) -> None:
        if not self.hub.following:
            raise RuntimeError("not following")

    async def _prune(self) -> None:
        pruning = PostgresPruning(self._everybody)
        while True:
            gone = await pruning.prune()
            log.info("old_keys_and_plans_pruned", rows=gone)
            await asyncio.sleep(PRUNE_S)

    async def _sweep(self) -> None:
        sweep = SweepWaiting(
            positions=PostgresWaitingPositions(everybody=self._everybody, database=self.database),
            authority=ExecutionPositions(self.process.ask),
            clock=self._clock,
            ids=self._ids,
            patience_s=self._sweep_after_s,
        )
        while True:
            await sweep()
            await asyncio.sleep(self._sweep_every_s)

    async def _rebalance(self) -> None:
        look = RebalancePositions(
            rebalancings=self.desk.rebalancings,
            heads=MarketIndexHeads(self.process.ask),
            planner=ExecutionRebalancePlanner(self._planner),
            run=self.desk.run_plan,
            clock=self._clock,
            pace=self._pace,
        )
        while True:
            await look()
            await asyncio.sleep(LOOK_S)

    async def _close(self) -> None:
        # From here on a closed connection is meant, not a loss.
        self.process.bus_health.stopping = True
        await self._connection.close()
        await self._everybody.close()
