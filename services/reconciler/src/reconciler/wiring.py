"""Composition root of the reconciler: the only module that knows every room."""

from __future__ import annotations

from datetime import timedelta

from reconciler.application.announce import Announce
from reconciler.application.follow_trading import FollowTrading
from reconciler.application.read_results import ReadResults
from reconciler.application.reconcile_account import ReconcileAccount
from reconciler.application.refresh_books import RefreshBooks
from reconciler.application.revalue import Revalue
from reconciler.application.thin_points import ThinPoints
from reconciler.inbound.events import execution_events, jobs, ticks
from reconciler.inbound.loops import Leased, due_accounts, revaluation, thinning, ticker
from reconciler.inbound.rpc import create_rpc
from reconciler.outbound.bybit import BybitReader, ReadSigner
from reconciler.outbound.execution_client import RpcBookKeeper
from reconciler.outbound.market_client import RpcIndexLevels, RpcMarket
from reconciler.outbound.postgres.agenda import PostgresAgenda
from reconciler.outbound.postgres.desk import PostgresDesk
from reconciler.outbound.postgres.result_rows import PostgresResults
from reconciler.outbound.postgres.tables import lease, outbox
from reconciler.outbound.questions import Reply, Request
from reconciler.settings import Settings
from shared.contracts.rpc.verb import RpcVerb
from shared.runtime.bybit.breaker import BAN_PAUSE, VenueBreaker
from shared.runtime.bybit.connections import VenueConnections
from shared.runtime.database import Database
from shared.runtime.leases import Leases
from shared.runtime.outbox import Outbox
from shared.runtime.process import Process
from shared.runtime.settings import dsn_text
from shared.trading.clock import SystemClock, SystemIds
from shared.trading.status import VenueEnvironment


class Venues:
    """Threads and connections, one set per open environment, opened when first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[VenueEnvironment, VenueConnections] = {}

    def connections(self, environment: VenueEnvironment) -> VenueConnections:
        """Of an environment; raises when it is not open."""
        if environment not in self._open:
            host = self._settings.host(environment)
            pause = BAN_PAUSE / self._settings.times_scale
            self._open[environment] = VenueConnections(
                host.rest,
                order_threads=1,
                query_threads=self._settings.venue_threads,
                breaker=VenueBreaker(pause=pause, clock=SystemClock(), host=environment.value),
            )
        return self._open[environment]

    async def close(self) -> None:
        """Close them all."""
        for connections in self._open.values():
            connections.close()


class ProcessQuestions:
    """Asks through the process, which is built after those who ask."""

    def __init__(self) -> None:
        self.process: Process | None = None

    async def ask(self, verb: RpcVerb[Request, Reply], request: Request) -> Reply:
        """The port of the outbound clients."""
        if self.process is None:
            raise RuntimeError("asked before the process was built")
        return await self.process.ask.ask(verb, request)


def build(settings: Settings) -> Process:
    """The service's process, not yet started."""
    clock, ids, questions = SystemClock(), SystemIds(), ProcessQuestions()
    database = Database(dsn_text(settings.database_dsn), pool_size=settings.database_pool)
    announcer = Outbox(outbox, source="reconciler", clock=clock, ids=ids)
    desk, agenda = PostgresDesk(database, announcer), PostgresAgenda(database, announcer)
    keeper, market, venues = RpcBookKeeper(questions), RpcMarket(questions, clock), Venues(settings)
    band, scale = settings.band(), settings.times_scale
    reader = BybitReader(
        connections=venues.connections, signer=lambda account: ReadSigner(questions, account), clock=clock
    )
    reconcile = ReconcileAccount(
        desk=desk,
        agenda=agenda,
        keeper=keeper,
        venue=reader,
        market=market,
        clock=clock,
        ids=ids,
        rules=settings.rules(),
    )
    refresh = RefreshBooks(desk=desk, keeper=keeper, market=market, clock=clock, band=band)
    follow = FollowTrading(
        desk=desk, agenda=agenda, clock=clock, debounce=timedelta(seconds=settings.debounce_s / scale)
    )
    revalue = Revalue(agenda=agenda, desk=desk, market=market, clock=clock, band=band)
    announce = Announce(agenda=agenda, keeper=keeper, clock=clock, slot_s=settings.slot_s / scale)
    shelf = PostgresResults(database)
    results = ReadResults(shelf=shelf, market=market, levels=RpcIndexLevels(questions), clock=clock)
    leases, holder = Leases(database, lease, clock), str(ids.uuid())
    process = Process(
        "reconciler",
        settings,
        database=database,
        outbox=outbox,
        events=[
            execution_events(refresh, follow),
            ticks(announce),
            jobs(reconcile),
        ],
        rpc=[create_rpc(results)],
        loops={
            "ticker": Leased("ticker", holder, leases, ticker(announce)),
            "revaluation": Leased(
                "revaluation", holder, leases, revaluation(revalue, clock, every_s=settings.revalue_every_s)
            ),
            "thinning": Leased("thinning", holder, leases, thinning(ThinPoints(shelf=shelf, clock=clock))),
            "due_accounts": due_accounts(agenda, clock),
        },
        on_stop=[venues.close],
    )
    questions.process = process
    return process
