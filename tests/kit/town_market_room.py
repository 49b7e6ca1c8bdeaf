"""Market-data in one process: its own rules, boards and answers, on memory and on the engine."""

from __future__ import annotations

from collections.abc import Sequence

from kit.memory_house import House, Transaction
from kit.memory_market_levels import MemoryLevels
from kit.memory_market_versions import MemoryIndexVersions, MemoryOwnIndices
from kit.town_bus import MemoryOutbox
from kit.town_price_tape import PriceTape
from kit.town_public_venue import MemoryCoinSource, MemoryPublicVenue
from kit.town_venue import PaperVenue
from market_data.application.market_board import MarketBoard
from market_data.application.market_caps import MarketCaps, Tables
from market_data.application.publish_indices import PublishIndices
from market_data.application.read_depth import ReadDepth
from market_data.application.read_indices import ReadIndices
from market_data.application.record_levels import RecordLevels
from market_data.domain.built_in import BUILT_IN
from market_data.domain.index_rules import IndexRules
from market_data.domain.index_version import IndexVersion
from market_data.inbound.rpc import index_rpc, market_rpc
from market_data.inbound.views import index_view
from market_data.outbound.reviewed_table import fingerprint, read_renames, read_table, renames_text, shipped_text
from paper_exchange.domain.coin import Coin
from shared.contracts.market import IndexVersionPublished
from shared.runtime.outbox import Announcement
from shared.runtime.rpc import RpcRouter
from shared.runtime.settings import VenueHost, VenueSettings
from shared.trading.clock import Clock
from shared.trading.status import VenueEnvironment

PAPER = VenueEnvironment.PAPER
WANTED = ("top-5", "top-10", "top-10-equal", "top-5-sqrt")
YOUNG_S = 1.0


class _Silent:
    """The port `Progress`."""

    def info(self, event: str, **facts: object) -> None:
        del event, facts

    def warning(self, event: str, **facts: object) -> None:
        del event, facts


class MarketRoom:
    """The beats are called by whoever moves the time; quotes are refreshed when somebody asks and they are a second old."""

    def __init__(self, venue: PaperVenue, coins: Sequence[Coin], clock: Clock, outbox: MemoryOutbox) -> None:
        text, renamed = shipped_text(), renames_text(None)
        tables = Tables(table=read_table(text), renames=read_renames(renamed), fingerprint=fingerprint(text, renamed))
        rules: list[IndexRules] = [one for one in BUILT_IN if one.index_id in WANTED]
        self.tape = PriceTape()
        progress, public = _Silent(), MemoryPublicVenue(venue, self.tape, clock)

        async def announce(transaction: Transaction, made: IndexVersion) -> None:
            event = Announcement(
                data=IndexVersionPublished(index=index_view(made)),
                user_id=made.user_id,
                entity_id=made.index_id,
                aggregate_id=f"{PAPER}:{made.index_id}",
                aggregate_version=made.version,
            )
            await outbox.record(transaction, [event])

        facts, users = House(), House()
        own = MemoryOwnIndices(users, announce)
        self.versions = MemoryIndexVersions(facts, announce)
        self.levels = MemoryLevels(users)
        self.board = MarketBoard(public, clock)
        self.depth = ReadDepth(public, clock)
        caps = MarketCaps(
            PAPER,
            source=MemoryCoinSource(venue, coins, clock),
            venue=public,
            board=self.board,
            tables=tables,
            clock=clock,
            progress=progress,
        )
        self.publish = PublishIndices(
            PAPER,
            rules=rules,
            tables=tables,
            caps=caps,
            board=self.board,
            versions=self.versions,
            own=own,
            clock=clock,
            progress=progress,
        )
        self.indices = ReadIndices(self.versions, rules, own=own, levels=self.levels)
        self._record = RecordLevels(
            lambda: self.indices.newest(PAPER), board=self.board, store=self.levels, clock=clock
        )

    async def refresh(self) -> None:
        """The beat of the quotes, as late as it can be without anybody noticing."""
        age_s = self.board.quotes_age_s()
        if age_s is None or age_s >= YOUNG_S:
            await self.board.refresh_quotes()

    async def beat(self) -> list[IndexVersion]:
        """Rules of the pairs, indices that are due, and their levels."""
        await self.board.refresh_instruments()
        await self.board.refresh_quotes()
        made = await self.publish()
        await self._record()
        return made

    def routers(self) -> list[RpcRouter]:
        """Its answers."""
        address = "http://127.0.0.1:1"
        host = VenueHost(rest=address, private_stream="ws://127.0.0.1:1/", public_stream="ws://127.0.0.1:1/")
        venues = VenueSettings(venues={PAPER: host})
        return [market_rpc({PAPER: self.board}, {PAPER: self.depth}, venues), index_rpc(self.indices, venues)]
