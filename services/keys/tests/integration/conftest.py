"""A keys service on the real PostgreSQL and the real paper exchange."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from kit.keys_desk import Desk, SkewedClock
from kit.keys_paper import Paper, running_paper
from kit.keys_plan import LINK_KEY
from pydantic import PostgresDsn, Secret, SecretStr

from basketry_local.testing.databases import TestDatabases
from keys.settings import Settings
from keys.wiring import make_use_cases
from shared.runtime.database import Database
from shared.runtime.settings import VenueHost
from shared.trading.status import VenueEnvironment


@pytest.fixture(scope="session")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paper]:
    with running_paper(tmp_path_factory.mktemp("paper")) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, paper: Paper) -> Settings:
    kek = tmp_path / "kek"
    kek.write_text(secrets.token_hex(32))
    kek.chmod(0o600)
    host = VenueHost(rest=paper.url, private_stream="ws://127.0.0.1:1", public_stream="ws://127.0.0.1:1")
    return Settings(
        kek_file=kek,
        link_key=SecretStr(LINK_KEY.hex()),
        paper_control_url=paper.url,
        venues={VenueEnvironment.PAPER: host, VenueEnvironment.TESTNET: host, VenueEnvironment.DEMO: host},
    )


@pytest.fixture
async def desk(
    make_database: Callable[..., Awaitable[TestDatabases]], settings: Settings, paper: Paper
) -> AsyncIterator[Desk]:
    databases = await make_database("keys")
    dsn = databases.dsn("keys")
    settings = settings.model_copy(update={"database_dsn": Secret(PostgresDsn(dsn))})
    database, clock = Database(dsn, pool_size=8), SkewedClock()
    async with httpx.AsyncClient(trust_env=False) as http:
        cases = make_use_cases(settings, database, http, clock=clock)
        yield Desk(cases, database, databases, clock, settings, paper)
    await database.close()
    paper.heal()
