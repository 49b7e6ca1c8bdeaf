"""Composition root of market-data: the only module that knows every room."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from market_data.application.keep_own_indices import KeepOwnIndices
from market_data.application.market_board import MarketBoard
from market_data.application.market_caps import MarketCaps, Tables
from market_data.application.publish_indices import PublishIndices
from market_data.application.read_depth import ReadDepth
from market_data.application.read_indices import ReadIndices
from market_data.application.record_levels import RecordLevels
from market_data.domain.built_in import BUILT_IN
from market_data.domain.errors import MarketNotReady
from market_data.domain.index_version import IndexVersion
from market_data.inbound.beats import IndexBeat, Pace, instrument_beat, limit_beat, quote_beat
from market_data.inbound.level_beat import LevelBeat
from market_data.inbound.rpc import index_rpc, market_rpc, own_index_rpc
from market_data.inbound.views import index_view
from market_data.outbound.bybit import BybitPublicVenue
from market_data.outbound.coingecko import CoinGeckoSource
from market_data.outbound.postgres.index_repository import PostgresIndexVersions
from market_data.outbound.postgres.level_repository import PostgresLevels
from market_data.outbound.postgres.own_repository import PostgresOwnIndices
from market_data.outbound.postgres.own_tables import outbox as own_outbox
from market_data.outbound.postgres.tables import lease, outbox
from market_data.outbound.reviewed_table import fingerprint, read_renames, read_table, renames_text, table_text
from market_data.settings import Settings
from shared.contracts.market import IndexVersionPublished
from shared.runtime.database import Database
from shared.runtime.leases import Leases
from shared.runtime.logging import get_logger
from shared.runtime.outbox import Outbox
from shared.runtime.process import Process, SecondOutbox
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
    caps: MarketCaps
    publish: PublishIndices
    record: RecordLevels
    clock: SystemClock

    async def check(self) -> None:
        """Ready means that quotes keep arriving.

        Raises:
            MarketNotReady: They do not.
        """
        age_s = self.board.quotes_age_s()
        if age_s is None or age_s > TOO_OLD_S:
            raise MarketNotReady(context={"environment": self.environment})


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """What every environment's indices are made with."""

    source: CoinGeckoSource
    versions: PostgresIndexVersions
    own: PostgresOwnIndices
    indices: ReadIndices
    levels: PostgresLevels
    tables: Tables
    clock: SystemClock


def build(settings: Settings) -> Process:
    """The service's process, not yet started."""
    clock, ids = SystemClock(), SystemIds()
    facts = Database(dsn_text(settings.database_dsn), pool_size=4)
    users = Database(dsn_text(settings.users_dsn, name="USERS_DSN"), pool_size=4)
    versions = PostgresIndexVersions(facts, Outbox(outbox, source="market_data", clock=clock, ids=ids), _announce)
    own = PostgresOwnIndices(users, Outbox(own_outbox, source="market_data", clock=clock, ids=ids), _announce)
    levels = PostgresLevels(facts, users)
    source = CoinGeckoSource(settings.coingecko_url, clock, demo_api_key=settings.coingecko_demo_key.get_secret_value())
    text, renamed = table_text(settings.reviewed_table), renames_text(settings.renamed_table)
    tables = Tables(table=read_table(text), renames=read_renames(renamed), fingerprint=fingerprint(text, renamed))
    indices = ReadIndices(versions, BUILT_IN, own=own, levels=levels)
    making = Making(
        source=source, versions=versions, own=own, indices=indices, levels=levels, tables=tables, clock=clock
    )
    markets = [_market(environment, host.rest, making) for environment, host in settings.venues.items()]
    keep = KeepOwnIndices(own, {one.environment: one.caps for one in markets}, tables=tables, ids=ids)

    async def close_clients() -> None:
        await source.close()
        for market in markets:
            await market.venue.close()
        await users.close()

    return Process(
        "market_data",
        settings,
        database=facts,
        outbox=outbox,
        second_outbox=SecondOutbox(
            schema=str(own_outbox.schema),
            relay_dsn=dsn_text(settings.users_relay_dsn, name="USERS_RELAY_DSN"),
            metrics="users_outbox",
        ),
        rpc=[
            market_rpc(
                {market.environment: market.board for market in markets},
                {market.environment: ReadDepth(market.venue, clock) for market in markets},
                settings,
            ),
            index_rpc(indices, settings),
            own_index_rpc(keep, settings),
        ],
        loops=_loops(markets, indices, Leases(facts, lease, clock), holder=str(ids.uuid()), settings=settings),
        on_stop=[close_clients],
        ready_checks={"users_database": users.ping, **{f"quotes_{one.environment}": one.check for one in markets}},
    )


def _announce(version: IndexVersion) -> IndexVersionPublished:
    return IndexVersionPublished(index=index_view(version))


def _market(environment: VenueEnvironment, rest: str, making: Making) -> Market:
    clock = making.clock
    venue = BybitPublicVenue(rest, clock)
    board = MarketBoard(venue, clock)
    caps = MarketCaps(
        environment,
        source=making.source,
        venue=venue,
        board=board,
        tables=making.tables,
        clock=clock,
        progress=log,
    )
    publish = PublishIndices(
        environment,
        rules=BUILT_IN,
        tables=making.tables,
        caps=caps,
        board=board,
        versions=making.versions,
        own=making.own,
        clock=clock,
        progress=log,
    )

    async def everybodys() -> list[IndexVersion]:
        return [*await making.indices.newest(environment), *await making.own.everybodys(environment)]

    record = RecordLevels(everybodys, board=board, store=making.levels, clock=clock)
    return Market(
        environment=environment, venue=venue, board=board, caps=caps, publish=publish, record=record, clock=clock
    )


def _loops(
    markets: list[Market], indices: ReadIndices, leases: Leases, *, holder: str, settings: Settings
) -> dict[str, Callable[[], Awaitable[None]]]:
    pace = Pace(
        quotes_s=settings.quotes_every_s,
        instruments_s=settings.instruments_every_s,
        limits_s=settings.limits_every_s,
        indices_s=settings.indices_every_s,
    )
    loops: dict[str, Callable[[], Awaitable[None]]] = {}
    for market in markets:
        name = market.environment
        loops[f"quotes_{name}"] = quote_beat(name, market.board, market.clock, pace)
        loops[f"instruments_{name}"] = instrument_beat(name, market.board, pace)
        loops[f"limits_{name}"] = limit_beat(name, market.board, _held(indices, name), pace)
        loops[f"indices_{name}"] = IndexBeat(name, market.publish, leases, holder=holder, pace=pace)
        loops[f"levels_{name}"] = LevelBeat(name, market.record, leases, holder=holder, every_s=settings.levels_every_s)
    return loops


def _held(indices: ReadIndices, environment: VenueEnvironment) -> Callable[[], Awaitable[set[str]]]:
    """The symbols of the indices that are in force."""

    async def symbols() -> set[str]:
        versions = await indices.newest(environment)
        return {item.symbol for version in versions for item in version.composition.constituents}

    return symbols
