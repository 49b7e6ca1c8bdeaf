"""Composition root of market-data: the only module that knows every room."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from market_data.application.market_board import MarketBoard
from market_data.application.publish_indices import PublishIndices, Recipe
from market_data.application.read_indices import ReadIndices
from market_data.domain.errors import MarketNotReady
from market_data.domain.index_rules import BUILT_IN
from market_data.domain.index_version import IndexVersion
from market_data.inbound.beats import IndexBeat, Pace, instrument_beat, limit_beat, quote_beat
from market_data.inbound.rpc import create_rpc
from market_data.inbound.views import index_view
from market_data.outbound.bybit import BybitPublicVenue
from market_data.outbound.coingecko import CoinGeckoSource
from market_data.outbound.postgres.index_repository import PostgresIndexVersions
from market_data.outbound.postgres.tables import lease, outbox
from market_data.outbound.reviewed_table import fingerprint, read_renames, read_table, renames_text, table_text
from market_data.settings import Settings
from shared.contracts.market import IndexVersionPublished
from shared.runtime.database import Database
from shared.runtime.leases import Leases
from shared.runtime.logging import get_logger
from shared.runtime.outbox import Outbox
from shared.runtime.process import Process
from shared.runtime.settings import dsn_text
from shared.trading.clock import SystemClock, SystemIds
from shared.trading.status import VenueEnvironment

log = get_logger(__name__)
TOO_OLD_S = 30.0
"""Quotes older than this make the service not ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Everything about one environment."""

    environment: VenueEnvironment
    venue: BybitPublicVenue
    board: MarketBoard
    publish: PublishIndices

    async def check(self) -> None:
        """Ready means that quotes keep arriving.

        Raises:
            MarketNotReady: They do not.
        """
        age_s = self.board.quotes_age_s()
        if age_s is None or age_s > TOO_OLD_S:
            raise MarketNotReady(context={"environment": self.environment})


def build(settings: Settings) -> Process:
    """The service's process, not yet started."""
    clock, ids = SystemClock(), SystemIds()
    database = Database(dsn_text(settings.database_dsn), pool_size=4)
    announcer = Outbox(outbox, source="market_data", clock=clock, ids=ids)
    versions = PostgresIndexVersions(database, announcer, _announce)
    source = CoinGeckoSource(settings.coingecko_url, clock, demo_api_key=settings.coingecko_demo_key.get_secret_value())
    text, renamed = table_text(settings.reviewed_table), renames_text(settings.renamed_table)
    recipe = Recipe(
        rules=BUILT_IN,
        table=read_table(text),
        renames=read_renames(renamed),
        fingerprint=fingerprint(text, BUILT_IN, renamed),
    )
    markets = [
        _market(environment, host.rest, source=source, versions=versions, recipe=recipe, clock=clock)
        for environment, host in settings.venues.items()
    ]
    pace = Pace(
        quotes_s=settings.quotes_every_s,
        instruments_s=settings.instruments_every_s,
        limits_s=settings.limits_every_s,
        indices_s=settings.indices_every_s,
    )
    leases = Leases(database, lease, clock)
    indices = ReadIndices(versions, BUILT_IN)

    async def close_clients() -> None:
        await source.close()
        for market in markets:
            await market.venue.close()

    return Process(
        "market_data",
        settings,
        database=database,
        outbox=outbox,
        rpc=[create_rpc({market.environment: market.board for market in markets}, indices, settings)],
        loops=_loops(markets, indices, leases, holder=str(ids.uuid()), clock=clock, pace=pace),
        on_stop=[close_clients],
        ready_checks={f"quotes_{market.environment}": market.check for market in markets},
    )


def _announce(version: IndexVersion) -> IndexVersionPublished:
    return IndexVersionPublished(index=index_view(version))


def _market(
    environment: VenueEnvironment,
    rest: str,
    *,
    source: CoinGeckoSource,
    versions: PostgresIndexVersions,
    recipe: Recipe,
    clock: SystemClock,
) -> Market:
    venue = BybitPublicVenue(rest, clock)
    board = MarketBoard(venue, clock)
    publish = PublishIndices(
        environment,
        source=source,
        venue=venue,
        board=board,
        versions=versions,
        recipe=recipe,
        clock=clock,
        progress=log,
    )
    return Market(environment=environment, venue=venue, board=board, publish=publish)


def _loops(
    markets: list[Market], indices: ReadIndices, leases: Leases, *, holder: str, clock: SystemClock, pace: Pace
) -> dict[str, Callable[[], Awaitable[None]]]:
    loops: dict[str, Callable[[], Awaitable[None]]] = {}
    for market in markets:
        name = market.environment
        loops[f"quotes_{name}"] = quote_beat(name, market.board, clock, pace)
        loops[f"instruments_{name}"] = instrument_beat(name, market.board, pace)
        loops[f"limits_{name}"] = limit_beat(name, market.board, _held(indices, name), pace)
        loops[f"indices_{name}"] = IndexBeat(name, market.publish, leases, holder=holder, pace=pace)
    return loops


def _held(indices: ReadIndices, environment: VenueEnvironment) -> Callable[[], Awaitable[set[str]]]:
    """The symbols of the indices that are in force."""

    async def symbols() -> set[str]:
        versions = await indices.newest(environment)
        return {item.symbol for version in versions for item in version.composition.constituents}

    return symbols
