from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from kit.market_venue import FakePublicVenue

from market_data.application.keep_own_indices import KeepOwnIndices
from market_data.application.market_board import MarketBoard
from market_data.application.market_caps import MarketCaps, Tables
from market_data.application.publish_indices import PublishIndices
from market_data.application.read_indices import ReadIndices
from market_data.domain.built_in import BUILT_IN
from market_data.domain.coin import SourceCoin, SourceList
from market_data.domain.errors import (
    IndexNotReady,
    MarketNotReady,
    SourceUnavailable,
    TooFewConstituents,
    UnknownIndex,
    VenueUnavailable,
)
from market_data.domain.index_version import Composition, IndexVersion, VersionHead
from market_data.domain.level import LevelBase, LevelPoint
from market_data.domain.reconstitution import Reason
from market_data.domain.reviewed import ReviewedTable
from market_data.outbound.reviewed_table import fingerprint, read_renames, read_table, shipped_text
from shared.testing import FakeClock, FakeIds
from shared.trading.errors import Conflict
from shared.trading.status import VenueEnvironment

PAPER = VenueEnvironment.PAPER


class FakeCoinSource:
    """The reviewed coins, each at its own price; the largest first."""

    def __init__(self, clock: FakeClock, table: ReviewedTable) -> None:
        self.away = False
        self.asked = 0
        self._clock = clock
        self.coins_by_id = {
            coin.source_id: SourceCoin(
                source_id=coin.source_id,
                symbol=coin.source_symbol,
                name=coin.source_id,
                price=Decimal(1000 - 7 * place),
                market_cap=Decimal(10**12) / (place + 1),
                updated_at=clock.now(),
                place=place + 1,
                volume=Decimal(10**9),
            )
            for place, coin in enumerate(coin for coin in table.values() if coin.base)
        }

    async def coins(self) -> SourceList:
        self.asked += 1
        if self.away:
            raise SourceUnavailable
        now = self._clock.now()
        fresh = tuple(replace(coin, updated_at=now) for coin in self.coins_by_id.values())
        return SourceList(coins=fresh, broken=(), at=now)


class FakeIndexVersions:
    def __init__(self) -> None:
        self.made: list[IndexVersion] = []

    async def newest(self, environment: VenueEnvironment, index_id: str) -> IndexVersion | None:
        mine = [item for item in self.made if (item.environment, item.index_id) == (environment, index_id)]
        return mine[-1] if mine else None

    async def get(self, environment: VenueEnvironment, index_id: str, version: int) -> IndexVersion | None:
        key = (environment, index_id, version)
        return next((item for item in self.made if (item.environment, item.index_id, item.version) == key), None)

    async def heads(self, environment: VenueEnvironment, index_id: str) -> Sequence[VersionHead]:
        return [
            VersionHead(
                version=item.version,
                as_of=item.composition.as_of,
                reason=item.reason,
                constituents=len(item.composition.constituents),
            )
            for item in reversed(self.made)
            if (item.environment, item.index_id) == (environment, index_id)
        ]

    async def publish(
        self, environment: VenueEnvironment, composition: Composition, *, recipe: str, reason: Reason, after: int
    ) -> IndexVersion:
        made = IndexVersion(
            environment=environment, version=after + 1, recipe=recipe, composition=composition, reason=reason.value
        )
        if await self.get(environment, made.index_id, made.version):
            raise Conflict(code="version_taken")
        self.made.append(made)
        return made


class FakeOwnIndices:
    def __init__(self) -> None:
        self.made: list[IndexVersion] = []
        self.deleted: set[str] = set()

    async def of_user(self, user_id: UUID, environment: VenueEnvironment) -> Sequence[IndexVersion]:
        return [one for one in await self.everybodys(environment) if one.user_id == user_id]

    async def newest(self, user_id: UUID, environment: VenueEnvironment, index_id: str) -> IndexVersion | None:
        return next((one for one in await self.of_user(user_id, environment) if one.index_id == index_id), None)

    async def get(
        self, user_id: UUID, environment: VenueEnvironment, index_id: str, version: int
    ) -> IndexVersion | None:
        key = (user_id, environment, index_id, version)
        return next(
            (one for one in self.made if (one.user_id, one.environment, one.index_id, one.version) == key), None
        )

    async def heads(self, user_id: UUID, environment: VenueEnvironment, index_id: str) -> Sequence[VersionHead]:
        return [
            VersionHead(version=one.version, as_of=one.composition.as_of, reason=one.reason, constituents=0)
            for one in reversed(self.made)
            if (one.user_id, one.environment, one.index_id) == (user_id, environment, index_id)
        ]

    async def everybodys(self, environment: VenueEnvironment) -> Sequence[IndexVersion]:
        newest = {one.index_id: one for one in self.made if one.environment == environment}
        return [one for one in newest.values() if one.index_id not in self.deleted]

    async def publish(
        self,
        user_id: UUID,
        environment: VenueEnvironment,
        composition: Composition,
        *,
        recipe: str,
        reason: Reason,
        after: int,
    ) -> IndexVersion:
        made = IndexVersion(
            environment=environment,
            version=after + 1,
            recipe=recipe,
            composition=composition,
            reason=reason.value,
            user_id=user_id,
        )
        if await self.get(user_id, environment, made.index_id, made.version):
            raise Conflict(code="version_taken")
        self.made.append(made)
        return made

    async def delete(self, user_id: UUID, environment: VenueEnvironment, index_id: str) -> bool:
        known = await self.newest(user_id, environment, index_id) is not None
        self.deleted |= {index_id} if known else set()
        return known


class FakeLevels:
    def __init__(self) -> None:
        self.bases: dict[str, LevelBase] = {}
        self.recorded: dict[str, list[LevelPoint]] = {}

    async def base(self, version: IndexVersion) -> LevelBase | None:
        return self.bases.get(version.index_id)

    async def record(self, version: IndexVersion, base: LevelBase, point: LevelPoint, *, thin: bool) -> None:
        self.bases[version.index_id] = base
        self.recorded.setdefault(version.index_id, []).append(point)

    async def points(self, version: IndexVersion, since: datetime | None) -> Sequence[LevelPoint]:
        return [one for one in self.recorded.get(version.index_id, []) if since is None or one.at >= since]


@dataclass
class FakeProgress:
    warnings: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def info(self, event: str, **facts: object) -> object:
        return None

    def warning(self, event: str, **facts: object) -> object:
        self.warnings.append((event, facts))
        return None


class Desk:
    def __init__(self, text: str | None = None) -> None:
        self.clock = FakeClock()
        honest = read_table(shipped_text())
        self.source = FakeCoinSource(self.clock, honest)
        prices = {honest[name].base: coin.price for name, coin in self.source.coins_by_id.items()}
        self.venue = FakePublicVenue(self.clock, prices)
        self.board = MarketBoard(self.venue, self.clock)
        self.versions = FakeIndexVersions()
        self.own = FakeOwnIndices()
        self.levels = FakeLevels()
        self.progress = FakeProgress()
        self.publish = self.with_table(text or shipped_text())

    def with_table(self, text: str, renamed: str = "old,new,how\n", board: MarketBoard | None = None) -> PublishIndices:
        tables = Tables(table=read_table(text), renames=read_renames(renamed), fingerprint=fingerprint(text, renamed))
        board = board or self.board
        self.caps = MarketCaps(
            PAPER,
            source=self.source,
            venue=self.venue,
            board=board,
            tables=tables,
            clock=self.clock,
            progress=self.progress,
        )
        self.keep = KeepOwnIndices(self.own, {PAPER: self.caps}, tables=tables, ids=FakeIds())
        return PublishIndices(
            PAPER,
            rules=BUILT_IN,
            tables=tables,
            caps=self.caps,
            board=board,
            versions=self.versions,
            own=self.own,
            clock=self.clock,
            progress=self.progress,
        )

    def reader(self) -> ReadIndices:
        return ReadIndices(self.versions, BUILT_IN, own=self.own, levels=self.levels)

    def bases(self, index_id: str) -> list[str]:
        return [
            item.asset
            for version in self.versions.made
            if version.index_id == index_id
            for item in version.composition.constituents
        ]


@pytest.fixture
async def desk() -> Desk:
    desk = Desk()
    await desk.board.refresh_instruments()
    return desk


async def test_the_first_run_makes_every_index(desk: Desk) -> None:
    made = await desk.publish()
    assert {(item.index_id, item.version) for item in made} == {(rules.index_id, 1) for rules in BUILT_IN}
    assert desk.bases("top-5") == ["BTC", "ETH", "BNB", "XRP", "SOL"]
    for version in made:
        assert sum(item.weight for item in version.composition.constituents) == 1
        ceiling = version.composition.rules.weight_cap
        assert max(item.weight for item in version.composition.constituents) <= ceiling


async def test_the_same_day_brings_no_second_version_and_does_not_ask_the_source(desk: Desk) -> None:
    await desk.publish()
    desk.clock.advance(3600)
    assert await desk.publish() == []
    assert desk.source.asked == 1


async def test_a_version_stands_until_the_next_month_whatever_the_caps_do(desk: Desk) -> None:
    await desk.publish()
    last = (desk.clock.now().replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    desk.clock.advance((last - desk.clock.now()).total_seconds())
    for place, coin in enumerate(desk.source.coins_by_id.values()):
        desk.source.coins_by_id[coin.source_id] = replace(coin, market_cap=Decimal(10**6 + place))
    assert await desk.publish() == []
    desk.clock.advance(timedelta(days=1).total_seconds())
    made = await desk.publish()
    assert {(item.version, item.reason) for item in made} == {(2, "scheduled")}
    assert len(made) == len(BUILT_IN)


async def test_a_corrected_table_brings_a_version_on_the_same_day(desk: Desk) -> None:
    await desk.publish()
    corrected = shipped_text().replace("solana,sol,SOL,,", "solana,sol,SOL,under-review,")
    assert {(item.version, item.reason) for item in await desk.with_table(corrected)()} == {(2, "tables_changed")}
    newest = await desk.versions.newest(PAPER, "top-5")
    assert newest is not None
    assert "SOL" not in {item.asset for item in newest.composition.constituents}


SWAPPED_BASES = (
    shipped_text().replace("ripple,xrp,XRP", "ripple,xrp,DOGE").replace("dogecoin,doge,DOGE", "dogecoin,doge,XRP")
)
SWAPPED_IDS = (
    shipped_text().replace("ripple,xrp,XRP", "@,xrp,XRP").replace("dogecoin,", "ripple,").replace("@", "dogecoin")
)


@pytest.mark.parametrize("text", [SWAPPED_BASES, SWAPPED_IDS], ids=["bases", "ids"])
async def test_swapped_rows_refuse_both_coins_and_say_so(text: str) -> None:
    desk = Desk(text)
    await desk.board.refresh_instruments()
    await desk.publish()
    assert not {"XRP", "DOGE"} & set(desk.bases("top-20"))
    newest = await desk.versions.newest(PAPER, "top-20")
    assert newest is not None
    assert {item.source_id for item in newest.composition.exclusions if item.reason == "identity_mismatch"} == {
        "ripple",
        "dogecoin",
    }
    refused = {facts["source_id"] for event, facts in desk.progress.warnings if event == "coin_refused"}
    assert refused == {"ripple", "dogecoin"}


async def test_a_coin_that_trades_at_another_price_is_refused_though_its_names_agree(desk: Desk) -> None:
    desk.venue.prices["SOL"] *= Decimal("1.06")
    await desk.publish()
    newest = await desk.versions.newest(PAPER, "top-5")
    assert newest is not None
    assert "SOL" not in {item.asset for item in newest.composition.constituents}
    assert [item.reason for item in newest.composition.exclusions if item.source_id == "solana"] == [
        "identity_mismatch"
    ]


async def test_nothing_is_published_while_the_source_is_away(desk: Desk) -> None:
    desk.source.away = True
    with pytest.raises(SourceUnavailable):
        await desk.publish()
    assert desk.versions.made == []


async def test_nothing_is_published_while_the_venue_is_away(desk: Desk) -> None:
    desk.venue.away = True
    with pytest.raises(VenueUnavailable):
        await desk.publish()
    assert desk.versions.made == []


async def test_nothing_is_published_before_the_instruments_are_known() -> None:
    with pytest.raises(MarketNotReady):
        await Desk().publish()


async def test_the_smaller_indices_stand_when_the_largest_cannot_be_made(desk: Desk) -> None:
    keep = list(desk.source.coins_by_id)[:14]
    desk.source.coins_by_id = {name: desk.source.coins_by_id[name] for name in keep}
    with pytest.raises(TooFewConstituents):
        await desk.publish()
    assert {item.index_id for item in desk.versions.made} == {
        "top-5",
        "top-10",
        "top-5-sqrt",
        "top-10-sqrt",
        "top-10-equal",
    }


async def test_an_unknown_index_is_answered_with_the_names_there_are(desk: Desk) -> None:
    await desk.publish()
    read = desk.reader()
    with pytest.raises(UnknownIndex, match="top-10, top-10-equal, top-10-sqrt, top-20, top-20-sqrt, top-5, "):
        await read.one(PAPER, "top-11", None)
    with pytest.raises(UnknownIndex, match="no version 2"):
        await read.one(PAPER, "top-10", 2)
    assert (await read.one(PAPER, "top-10", 1)).index_id == "top-10"


async def test_an_index_without_a_version_is_not_ready(desk: Desk) -> None:
    with pytest.raises(IndexNotReady):
        await desk.reader().one(PAPER, "top-10", None)


async def test_the_board_answers_what_is_asked_and_leaves_out_what_is_not_there(desk: Desk) -> None:
    with pytest.raises(MarketNotReady):
        desk.board.quotes(["BTCUSDT"])
    await desk.board.refresh_quotes()
    asked = desk.clock.now()
    desk.clock.advance(5)
    assert desk.board.quotes_age_s() == 5
    [quote] = desk.board.quotes(["BTCUSDT", "NOPEUSDT"])
    assert quote.at == asked
    assert not quote.fresh(desk.clock.now())
    assert len(desk.board.instruments([])) == len(desk.venue.prices)
    assert [item.symbol for item in desk.board.instruments(["ETHUSDT", "NOPEUSDT"])] == ["ETHUSDT"]


async def test_an_index_is_made_again_at_once_when_a_constituent_stops_trading(desk: Desk) -> None:
    await desk.publish()
    [lost] = desk.bases("top-5")[1:2]
    assert await desk.publish.wanted() == {}
    del desk.venue.prices[lost]
    await desk.board.refresh_instruments()
    assert await desk.publish.wanted() == {}, "one answer without it may have been cut short"
    await desk.board.refresh_instruments()
    assert set(await desk.publish.wanted()) == {rules.index_id for rules in BUILT_IN}
    made = await desk.publish()
    assert {version.version for version in made} == {2}
    assert all(lost not in {item.asset for item in version.composition.constituents} for version in made)
    told = [facts["symbols"] for event, facts in desk.progress.warnings if event == "index_lost_constituents"]
    assert told == [[f"{lost}USDT"]] * len(BUILT_IN)
    assert await desk.publish.wanted() == {}


async def test_a_renamed_coin_leaves_the_index_even_while_its_old_pair_trades_and_the_log_says_so(desk: Desk) -> None:
    await desk.publish()
    first, second = desk.bases("top-5")[:2]
    renamed = f"old,new,how\n{first},ELSEWHERE,merged\n"
    publish = desk.with_table(shipped_text(), renamed)
    made = await publish()
    assert {item.composition.constituents[0].asset for item in made} == {second}
    assert {item.composition.exclusions[0].reason for item in made} >= {"merged:ELSEWHERE"}
    refused = [facts["reason"] for event, facts in desk.progress.warnings if event == "coin_refused"]
    assert refused == ["merged:ELSEWHERE"]


async def test_an_unanswered_venue_makes_no_index_lose_its_coins(desk: Desk) -> None:
    await desk.publish()
    empty = MarketBoard(desk.venue, desk.clock)
    fresh = desk.with_table(shipped_text(), board=empty)
    assert await fresh.wanted() == {}
