from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from basketry_local.ports import free_port
from basketry_local.testing.bus import Bus
from basketry_local.testing.databases import TestDatabases
from market_data.domain.built_in import BUILT_IN
from market_data.outbound.reviewed_table import shipped_text
from market_data.settings import Settings
from market_data.wiring import build
from shared.contracts.envelope import Envelope
from shared.contracts.market import IndexRulesView, IndexVersionPublished, IndexVersionView
from shared.contracts.rpc import market_data as verbs
from shared.runtime.process import Process
from shared.runtime.rpc import RpcClient
from shared.runtime.settings import ServiceSettings
from shared.testing import eventually
from shared.trading.errors import Conflict, Invalid, NotFound, Unavailable
from shared.trading.status import VenueEnvironment

pytestmark = pytest.mark.integration
PAPER = VenueEnvironment.PAPER
BUILT_IN_IDS = sorted(rules.index_id for rules in BUILT_IN)
MakeDatabase = Callable[..., Awaitable[TestDatabases]]


class Stage:
    """A bus, a database and the paper exchange; services come and go on it."""

    def __init__(self, bus: Bus, databases: TestDatabases, rest: str, coingecko: str) -> None:
        self.bus = bus
        self.databases = databases
        self.rest = rest
        self.coingecko = coingecko

    @asynccontextmanager
    async def market_data(self, **changes: object) -> AsyncIterator[Process]:
        facts: dict[str, object] = {
            "database_dsn": self.databases.dsn("market_data"),
            "relay_dsn": self.databases.relay_dsn("market_data"),
            "users_dsn": self.databases.dsn("market_data", database="user_data"),
            "users_relay_dsn": self.databases.relay_dsn("market_data", database="user_data"),
            "nats_url": self.bus.url,
            "nats_seed": self.bus.seed("market_data"),
            "venues": {
                "paper": {"rest": self.rest, "private_stream": "ws://127.0.0.1:1", "public_stream": "ws://127.0.0.1:1"}
            },
            "coingecko_url": self.coingecko,
            **changes,
        }
        process = build(Settings(**facts))  # type: ignore[arg-type]
        async with process.running():
            yield process

    @asynccontextmanager
    async def asking(self, service: str = "gateway") -> AsyncIterator[RpcClient]:
        process = Process(service, ServiceSettings(nats_url=self.bus.url, nats_seed=self.bus.seed(service)))
        async with process.running():
            yield process.ask


@pytest.fixture
async def stage(bus: Bus, make_database: MakeDatabase, paper_exchange: object) -> Stage:
    return Stage(bus, await make_database("market_data"), paper_exchange.rest, paper_exchange.coingecko)  # type: ignore[attr-defined]


async def the_index(ask: RpcClient, index_id: str = "top-10") -> IndexVersionView:
    async def probe() -> IndexVersionView | None:
        try:
            return await ask.ask(verbs.GET_INDEX, verbs.GetIndex(environment=PAPER, index_id=index_id))
        except Unavailable:
            return None

    found = await eventually(probe, timeout_s=40, because=f"{index_id} is published")
    assert found is not None
    return found


async def test_the_first_start_makes_indices_of_coins_that_can_be_bought(stage: Stage) -> None:
    async with stage.market_data(), stage.asking() as ask:
        top = await the_index(ask)
        assert len(top.constituents) == 10
        assert sum(item.weight for item in top.constituents) == 1
        assert max(item.weight for item in top.constituents) == Decimal("0.3")
        assert {"BTC", "ETH", "SOL"} <= {item.asset for item in top.constituents}
        assert {item.source_id: item.reason for item in top.exclusions}["tether"] == "category:stablecoins"
        assert not [item for item in top.exclusions if item.reason.startswith("identity")]
        widest = await the_index(ask, "top-50-sqrt")
        assert len(widest.constituents) == 50
        listed = await ask.ask(verbs.LIST_INDICES, verbs.ListIndices(environment=PAPER))
        assert [item.index_id for item in listed.items] == BUILT_IN_IDS


async def test_a_version_is_announced_and_survives_a_restart(stage: Stage) -> None:
    async with stage.market_data(), stage.asking() as ask:
        before = await the_index(ask)
        async with stage.bus.connect() as tester:
            message = await eventually(lambda: last_announcement(tester), because="the event is on the bus")
            envelope = Envelope[IndexVersionPublished].model_validate_json(message)
            assert envelope.data.index == before
    async with stage.market_data(coingecko_url=f"http://127.0.0.1:{free_port()}/api/v3/"), stage.asking() as ask:
        assert await the_index(ask) == before


async def last_announcement(tester: Client) -> bytes:
    """Empty while nothing is announced."""
    try:
        found = await tester.jetstream().get_last_msg("MARKET", "market.v1.index_version_published._.top-10")
    except NotFoundError:
        return b""
    return bytes(found.data or b"")


async def test_quotes_and_instruments_are_answered_every_second_anew(stage: Stage) -> None:
    async with stage.market_data(), stage.asking("execution") as ask:
        symbols = verbs.GetQuotes(environment=PAPER, symbols=["BTCUSDT", "NOPEUSDT"])

        async def quoted() -> datetime | None:
            try:
                answer = await ask.ask(verbs.GET_QUOTES, symbols)
            except Unavailable:
                return None
            [quote] = answer.items
            assert quote.to_domain().two_sided()
            assert abs((datetime.now(UTC) - quote.at).total_seconds()) < 5
            return quote.at

        first = await eventually(quoted, because="the first quote")
        await eventually(lambda: later_than(first, quoted), because="a newer quote")
        instruments = await ask.ask(verbs.GET_INSTRUMENTS, symbols)
        assert [item.symbol for item in instruments.items] == ["BTCUSDT"]
        assert instruments.items[0].min_notional == 5
        everything = await ask.ask(verbs.GET_INSTRUMENTS, verbs.GetSymbols(environment=PAPER, symbols=[]))
        assert len(everything.items) >= 100


async def later_than(first: datetime | None, quoted: Callable[[], Awaitable[datetime | None]]) -> bool:
    now = await quoted()
    return first is not None and now is not None and now > first


async def test_questions_that_cannot_be_answered_name_the_reason(stage: Stage) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    async with stage.market_data(coingecko_url=f"{away}/api/v3/"), stage.asking() as ask:
        with pytest.raises(NotFound) as unknown:
            await ask.ask(verbs.GET_INDEX, verbs.GetIndex(environment=PAPER, index_id="top-11"))
        assert (unknown.value.code, unknown.value.context["available"]) == (
            "unknown_index",
            BUILT_IN_IDS,
        )
        with pytest.raises(Unavailable) as early:
            await ask.ask(verbs.GET_INDEX, verbs.GetIndex(environment=PAPER, index_id="top-10"))
        assert early.value.code == "index_not_ready"
        for environment, code in (
            (VenueEnvironment.MAINNET, "mainnet_not_enabled"),
            (VenueEnvironment.TESTNET, "environment_not_enabled"),
        ):
            with pytest.raises(Invalid) as shut:
                await ask.ask(verbs.GET_QUOTES, verbs.GetQuotes(environment=environment, symbols=[]))
            assert shut.value.code == code


async def test_swapped_rows_of_the_table_are_refused_by_the_running_service(stage: Stage, tmp_path: Path) -> None:
    swapped = tmp_path / "table.csv"
    text = shipped_text().replace("ethereum,eth,ETH", "ethereum,eth,SOL").replace("solana,sol,SOL", "solana,sol,ETH")
    swapped.write_text(text, "utf-8")
    async with stage.market_data(reviewed_table=swapped), stage.asking() as ask:
        top = await the_index(ask)
        assert not {"ETH", "SOL"} & {item.asset for item in top.constituents}
        assert {item.source_id for item in top.exclusions if item.reason == "identity_mismatch"} == {
            "ethereum",
            "solana",
        }


async def test_the_service_waits_for_a_venue_that_is_away(stage: Stage) -> None:
    async with (
        stage.market_data(
            venues={
                "paper": {
                    "rest": f"http://127.0.0.1:{free_port()}",
                    "private_stream": "ws://x",
                    "public_stream": "ws://x",
                }
            }
        ),
        stage.asking() as ask,
    ):
        with pytest.raises(Unavailable) as early:
            await ask.ask(verbs.GET_QUOTES, verbs.GetQuotes(environment=PAPER, symbols=[]))
        assert early.value.code == "market_not_ready"


async def test_two_replicas_make_one_version_between_them(stage: Stage) -> None:
    async with stage.market_data(), stage.market_data(), stage.asking() as ask:
        await asyncio.gather(*(the_index(ask, name) for name in BUILT_IN_IDS))
    connection = await asyncpg.connect(stage.databases.admin_dsn("market_data"), timeout=5)
    try:
        rows = await connection.fetch("select index_id, version from market_data.index_version order by index_id")
    finally:
        await connection.close()
    assert [tuple(row) for row in rows] == [(name, 1) for name in BUILT_IN_IDS]


ADA, BOB = UUID(int=1), UUID(int=2)


def a_draft(user_id: UUID = ADA, **rules: object) -> verbs.IndexDraft:
    return verbs.IndexDraft(
        user_id=user_id,
        environment=PAPER,
        name="Mine",
        rules=IndexRulesView.model_validate({"size": 3, "weighting": "sqrt_cap", "exclude": ["btc"], **rules}),
    )


async def test_an_index_of_ones_own_is_made_edited_levelled_and_deleted_by_the_running_service(stage: Stage) -> None:
    async with stage.market_data(levels_every_s=0.1), stage.asking() as ask:
        await the_index(ask)
        shown = await ask.ask(verbs.PREVIEW_INDEX, a_draft())
        assert (shown.exclusions[0].asset, shown.exclusions[0].reason) == ("BTC", "excluded_by_rules")
        made = await ask.ask(verbs.CREATE_INDEX, a_draft())
        assert [one.asset for one in made.constituents] == [one.asset for one in shown.constituents]
        assert sum(one.weight for one in made.constituents) == 1
        mine = verbs.GetIndex(environment=PAPER, index_id=made.index_id, user_id=ADA)
        assert await ask.ask(verbs.GET_INDEX, mine) == made
        for stranger in (BOB, None):
            with pytest.raises(NotFound):
                await ask.ask(verbs.GET_INDEX, mine.model_copy(update={"user_id": stranger}))
        assert made in (await ask.ask(verbs.LIST_INDICES, verbs.ListIndices(environment=PAPER, user_id=ADA))).items
        fixed = a_draft(
            size=2,
            weighting="fixed",
            exclude=[],
            cash_share="0.1",
            fixed_weights=[{"asset": "eth", "weight": "0.25"}, {"asset": "BTC", "weight": "0.75"}],
        )
        edit = verbs.EditIndex(**fixed.model_dump(), index_id=made.index_id, if_version=1)
        edited = await ask.ask(verbs.EDIT_INDEX, edit)
        assert {one.asset: str(one.weight) for one in edited.constituents} == {"BTC": "0.75", "ETH": "0.25"}
        assert (edited.version, str(edited.cash_share), edited.reason) == (2, "0.1", "rules_changed")
        with pytest.raises(Conflict) as moved:
            await ask.ask(verbs.EDIT_INDEX, edit)
        assert moved.value.code == "index_changed"
        difference = await ask.ask(
            verbs.DIFF_INDEX, verbs.DiffIndex(environment=PAPER, index_id=made.index_id, user_id=ADA)
        )
        assert (difference.changes[0].asset, difference.changes[0].change) == ("BTC", "entered")
        question = verbs.GetLevels(environment=PAPER, index_id=made.index_id, user_id=ADA)

        async def two_versions() -> list[verbs.LevelPoint]:
            points = (await ask.ask(verbs.GET_LEVELS, question)).items
            return points if points and points[-1].version == 2 else []

        points = await eventually(two_versions, because="the level follows the edit")
        assert points[0].level == 1000
        await ask.ask(verbs.DELETE_INDEX, verbs.OwnIndexRef(user_id=ADA, environment=PAPER, index_id=made.index_id))
        with pytest.raises(NotFound):
            await ask.ask(verbs.GET_INDEX, mine)


async def test_drafts_that_cannot_be_are_refused_by_name(stage: Stage) -> None:
    async with stage.market_data(), stage.asking() as ask:
        await the_index(ask)
        for rules, code in (
            ({"max_weight": "0.3"}, "infeasible_cap"),
            ({"min_weight": "0.34"}, "infeasible_floor"),
            ({"include": ["BTC"]}, "index_rules_refused"),
            ({"include": ["NOSUCHCOIN"]}, "coins_not_available"),
            ({"include": ["USDT"]}, "coins_not_available"),
        ):
            for verb in (verbs.PREVIEW_INDEX, verbs.CREATE_INDEX):
                with pytest.raises(Invalid) as refused:
                    await ask.ask(verb, a_draft(**rules))
                assert refused.value.code == code
        foo = {"asset": "FOO", "weight": "1"}
        with pytest.raises(Invalid) as unknown:
            await ask.ask(verbs.PREVIEW_INDEX, a_draft(size=1, weighting="fixed", exclude=[], fixed_weights=[foo]))
        assert (unknown.value.code, "FOO" in unknown.value.detail) == ("coins_not_available", True)
        for index_id in ("top-10", "top-50-sqrt"):
            levels = verbs.GetLevels(environment=PAPER, index_id=index_id)
            found = await eventually(partial(points_of, ask, levels), timeout_s=30, because="a level")
            assert found[0].level == 1000


async def points_of(ask: RpcClient, question: verbs.GetLevels) -> list[verbs.LevelPoint]:
    try:
        return (await ask.ask(verbs.GET_LEVELS, question)).items
    except Unavailable:
        return []
