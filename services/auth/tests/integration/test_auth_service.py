from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import bcrypt
import pytest
from nats.js.errors import NotFoundError
from pydantic import SecretStr

from auth.inbound.rpc import token_pair, user_view
from auth.main import main
from auth.settings import Settings
from auth.wiring import Identity, build, identity, make_admin
from basketry_local.layout import migrations_folder
from basketry_local.testing.bus import Bus
from basketry_local.testing.databases import TestDatabases
from shared.contracts.account import UserRegistered, UserView
from shared.contracts.envelope import Envelope
from shared.contracts.rpc import auth as verbs
from shared.contracts.rpc.verb import Empty
from shared.runtime.migrations import check
from shared.runtime.process import Process
from shared.runtime.settings import ServiceSettings
from shared.testing import eventually
from shared.trading.errors import Conflict, Denied, Invalid, NotFound, Throttled
from shared.trading.identifiers import UserId

pytestmark = pytest.mark.integration
MakeDatabase = Callable[..., Awaitable[TestDatabases]]
PASSWORD = "correct horse battery staple"


class Desk:
    """The use cases on a real database, and a look behind them."""

    def __init__(self, databases: TestDatabases, key_file: Path) -> None:
        self.databases = databases
        self.key_file = key_file
        self.identity: Identity

    def environment(self) -> dict[str, Any]:
        return {
            "database_dsn": self.databases.dsn("auth"),
            "relay_dsn": self.databases.relay_dsn("auth"),
            "signing_key_file": self.key_file,
        }

    @asynccontextmanager
    async def running(self, **changes: object) -> AsyncIterator[Desk]:
        self.identity = identity(Settings(**{**self.environment(), **changes}))
        yield self
        await self.identity.close()

    async def register(
        self, email: str = "alice@example.com", password: str = PASSWORD, *, risk: bool = True
    ) -> UserView:
        return user_view(await self.identity.register(email=email, password=password, risk_accepted=risk))

    async def login(self, email: str = "alice@example.com", password: str = PASSWORD) -> verbs.TokenPair:
        return token_pair(await self.identity.sign_in(email=email, password=password))

    async def refresh(self, token: SecretStr) -> verbs.TokenPair:
        return token_pair(await self.identity.refresh(token.get_secret_value()))

    async def logout(self, token: SecretStr) -> None:
        await self.identity.sign_out(token.get_secret_value())

    async def behind(self, statement: str, *values: object) -> list[asyncpg.Record]:
        """As the superuser, who sees every row."""
        connection = await asyncpg.connect(self.databases.admin_dsn("auth"), timeout=5)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()


@pytest.fixture
async def stage(make_database: MakeDatabase, tmp_path: Path) -> Desk:
    key_file = tmp_path / "signing-key"
    key_file.write_text("42" * 32)
    key_file.chmod(0o600)
    return Desk(await make_database("auth"), key_file)


@pytest.fixture
async def desk(stage: Desk) -> AsyncIterator[Desk]:
    async with stage.running() as desk:
        yield desk


def claims_of(token: SecretStr) -> dict[str, Any]:
    part = token.get_secret_value().split(".")[1]
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return read


async def test_the_service_answers_on_the_bus_and_tells_of_new_users(stage: Desk, bus: Bus) -> None:
    process = build(Settings(**stage.environment(), nats_url=bus.url, nats_seed=bus.seed("auth")))
    gateway = Process("gateway", ServiceSettings(nats_url=bus.url, nats_seed=bus.seed("gateway")))
    async with process.running(), gateway.running(), bus.connect() as tester:
        ask = gateway.ask.ask
        secret = SecretStr(PASSWORD)
        user = await ask(verbs.REGISTER, verbs.Register(email="a@example.com", password=secret, risk_accepted=True))
        pair = await ask(verbs.LOGIN, verbs.Login(email="a@example.com", password=secret))
        pair = await ask(verbs.REFRESH, verbs.Refresh(refresh_token=pair.refresh_token))
        assert await ask(verbs.ME, verbs.UserRef(user_id=user.user_id)) == user == pair.user
        jwks = await ask(verbs.JWKS, Empty())
        assert [key["crv"] for key in jwks.keys] == ["Ed25519"]
        await ask(verbs.LOGOUT, verbs.Refresh(refresh_token=pair.refresh_token))
        with pytest.raises(Denied) as ended:
            await ask(verbs.REFRESH, verbs.Refresh(refresh_token=pair.refresh_token))
        assert ended.value.code == "token_invalid"
        with pytest.raises(NotFound):
            await ask(verbs.ME, verbs.UserRef(user_id=UUID(int=1)))

        async def announced() -> bytes | None:
            try:
                return bytes(
                    (await tester.jetstream().get_last_msg("ACCOUNT", "account.v1.user_registered.>")).data or b""
                )
            except NotFoundError:
                return None

        body = await eventually(announced, because="the event is on the bus")
        assert body is not None
        envelope = Envelope[UserRegistered].model_validate_json(body)
        assert envelope.subject == f"account.v1.user_registered.{user.user_id}.{user.user_id}"
        assert envelope.data.user_id == user.user_id
        assert b"example.com" not in body


async def test_somebody_signs_up_and_gets_a_token_of_ten_minutes(desk: Desk) -> None:
    user = await desk.register("  Alice@Example.com ")
    assert (user.email, user.role) == ("alice@example.com", "user")
    assert user.risk_accepted_at is not None
    pair = await desk.login()
    claims = claims_of(pair.access_token)
    assert (claims["sub"], claims["role"], claims["iss"], claims["aud"]) == (
        str(user.user_id),
        "user",
        "urn:basketry:auth",
        "basketry",
    )
    assert claims["exp"] - claims["iat"] == pair.expires_in_s == 600


@pytest.mark.parametrize(
    ("email", "password", "risk", "code"),
    [
        ("alice", PASSWORD, True, "email_invalid"),
        ("alice@example.com", "short", True, "password_too_weak"),
        ("alice@example.com", "Password123!", True, "password_too_weak"),
        ("alice@example.com", PASSWORD, False, "risk_not_accepted"),
    ],
)
async def test_a_bad_registration_stores_nothing(desk: Desk, email: str, password: str, risk: bool, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        await desk.register(email, password, risk=risk)
    assert caught.value.code == code
    assert caught.value.context["pointer"].startswith("#/")
    assert await desk.behind("select * from auth.users") == []


async def test_an_address_registers_once_even_at_the_same_moment(desk: Desk) -> None:
    results = await asyncio.gather(
        *(desk.register(email) for email in ("alice@example.com", "ALICE@example.com", "Alice@Example.Com")),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["EmailTaken", "EmailTaken", "UserView"]
    assert {result.code for result in results if isinstance(result, Conflict)} == {"email_taken"}
    assert len(await desk.behind("select * from auth.users")) == 1
    assert len(await desk.behind("select * from auth.outbox")) == 1


async def test_unknown_address_and_wrong_password_are_told_alike(desk: Desk) -> None:
    await desk.register()
    problems = []
    for email, password in (
        ("alice@example.com", "wrong password 1"),
        ("bob@example.com", PASSWORD),
        ("bob", PASSWORD),
    ):
        with pytest.raises(Denied) as caught:
            await desk.login(email, password)
        problems.append((caught.value.code, caught.value.detail, caught.value.context))
    assert problems == [problems[0]] * 3
    assert problems[0][0] == "credentials_invalid"


@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com"])
async def test_wrong_passwords_make_the_account_wait_known_or_not(desk: Desk, email: str) -> None:
    await desk.register()
    for attempt in range(3):
        with pytest.raises(Denied):
            await desk.login(email, f"wrong password {attempt}")
    # A second is short: from 20 s ahead of us it is not over before the next attempt, however slow this machine is.
    await desk.behind("update auth.login_lookup set failed_at = failed_at + interval '20 seconds'")
    with pytest.raises(Throttled) as caught:
        await desk.login(email, PASSWORD)
    assert caught.value.code == "login_delayed"
    assert 0 < caught.value.retry_after_s <= 20 + 1


async def test_a_stranger_who_was_guessed_at_can_still_register(desk: Desk) -> None:
    with pytest.raises(Denied):
        await desk.login("alice@example.com", "wrong password 1")
    await desk.register()
    assert (await desk.login()).user.email == "alice@example.com"
    [entry] = await desk.behind("select * from auth.login_lookup")
    assert entry["failures"] == 0


async def test_a_refresh_token_works_once_and_its_lost_reply_can_be_repeated(desk: Desk) -> None:
    await desk.register()
    first = await desk.login()
    second = await desk.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    assert second.refresh_expires_at == first.refresh_expires_at
    again = await desk.refresh(first.refresh_token)
    assert again.refresh_token == second.refresh_token
    third = await desk.refresh(second.refresh_token)
    assert claims_of(third.access_token)["sid"] == claims_of(first.access_token)["sid"]


async def test_parallel_refreshes_of_one_token_get_the_same_successor(desk: Desk) -> None:
    await desk.register()
    first = await desk.login()
    pairs = await asyncio.gather(*(desk.refresh(first.refresh_token) for _ in range(10)))
    assert len({pair.refresh_token.get_secret_value() for pair in pairs}) == 1


async def test_a_stolen_token_ends_the_whole_session_and_no_other(desk: Desk) -> None:
    await desk.register()
    other = await desk.login()
    first = await desk.login()
    second = await desk.refresh(first.refresh_token)
    third = await desk.refresh(second.refresh_token)
    with pytest.raises(Denied) as caught:
        await desk.refresh(first.refresh_token)
    assert caught.value.code == "token_reused"
    with pytest.raises(Denied) as ended:
        await desk.refresh(third.refresh_token)
    assert ended.value.code == "token_invalid"
    await desk.refresh(other.refresh_token)


async def test_a_token_used_long_ago_ends_the_session(desk: Desk) -> None:
    await desk.register()
    first = await desk.login()
    second = await desk.refresh(first.refresh_token)
    await desk.behind(
        "update auth.refresh_tokens set used_at = used_at - interval '11 seconds' where used_at is not null"
    )
    with pytest.raises(Denied) as caught:
        await desk.refresh(first.refresh_token)
    assert caught.value.code == "token_reused"
    with pytest.raises(Denied):
        await desk.refresh(second.refresh_token)
    [session] = await desk.behind("select * from auth.sessions")
    assert session["revoked_why"] == "reused"


async def test_a_session_ends_after_thirty_days(desk: Desk) -> None:
    await desk.register()
    pair = await desk.login()
    await desk.behind("update auth.sessions set expires_at = now()")
    with pytest.raises(Denied) as caught:
        await desk.refresh(pair.refresh_token)
    assert caught.value.code == "token_expired"


async def test_signing_out_ends_the_session_and_may_be_repeated(desk: Desk) -> None:
    await desk.register()
    pair = await desk.login()
    for _ in range(2):
        await desk.logout(pair.refresh_token)
    await desk.logout(SecretStr("nonsense"))
    with pytest.raises(Denied) as caught:
        await desk.refresh(pair.refresh_token)
    assert caught.value.code == "token_invalid"


async def test_a_forged_token_is_refused(desk: Desk) -> None:
    user = await desk.register()
    pair = await desk.login()
    real = pair.refresh_token.get_secret_value()
    forged = base64.urlsafe_b64encode(user.user_id.bytes + b"\0" * 32).decode()
    for text in (forged, real[:-1] + ("A" if real[-1] != "A" else "B"), "", "x" * 10_000):
        with pytest.raises(Denied) as caught:
            await desk.refresh(SecretStr(text))
        assert caught.value.code == "token_invalid"
    await desk.refresh(pair.refresh_token)


async def test_a_session_survives_a_restart_of_the_service(stage: Desk) -> None:
    async with stage.running() as desk:
        await desk.register()
        before = await desk.login()
    async with stage.running() as desk:
        after = await desk.refresh(before.refresh_token)
        assert after.user == before.user
        await desk.login()


async def test_a_bcrypt_password_signs_in_and_is_upgraded(desk: Desk) -> None:
    await desk.register()
    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    await desk.behind("update auth.users set password_hash = $1", old)
    await desk.login()
    [user] = await desk.behind("select password_hash from auth.users")
    assert user["password_hash"].startswith("$argon2id$")
    await desk.login()


async def test_an_admin_is_made_by_command_and_stays_one(desk: Desk) -> None:
    user = await desk.register()
    settings = Settings(**desk.environment())
    await make_admin(settings, "Alice@example.com")
    assert claims_of((await desk.login()).access_token)["role"] == "admin"
    found = await desk.identity.accounts.user(UserId(user.user_id))
    assert found is not None
    assert found.role == "admin"
    with pytest.raises(NotFound) as caught:
        await make_admin(settings, "bob@example.com")
    assert caught.value.code == "user_unknown"


def test_an_unknown_command_is_refused() -> None:
    with pytest.raises(SystemExit, match="usage"):
        main(["make-everybody-admin"])


async def test_nobody_becomes_an_admin_by_registering(stage: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_ADMIN_EMAILS", '["ops@example.com"]')
    async with stage.running() as desk:
        assert (await desk.register("ops@example.com")).role == "user"
        pair = await desk.login("ops@example.com")
        again = await desk.refresh(pair.refresh_token)
        assert [claims_of(one.access_token)["role"] for one in (pair, again)] == ["user", "user"]


async def test_nothing_secret_is_at_rest(desk: Desk) -> None:
    await desk.register()
    pair = await desk.login()
    second = await desk.refresh(pair.refresh_token)
    dump = ""
    for table in ("users", "sessions", "refresh_tokens", "login_lookup", "outbox"):
        dump += str(await desk.behind(f"select * from auth.{table}"))
    for token in (pair.refresh_token, second.refresh_token):
        raw = base64.urlsafe_b64decode(token.get_secret_value())[16:]
        for shape in (token.get_secret_value(), raw.hex(), str(raw)[2:-1]):
            assert shape not in dump
    assert PASSWORD not in dump


async def test_row_level_security_hides_users_from_each_other_and_from_nobody(desk: Desk) -> None:
    alice = await desk.register()
    bob = await desk.register("bob@example.com")
    await desk.login()
    await desk.login("bob@example.com")
    connection = await asyncpg.connect(desk.databases.dsn("auth"), timeout=5)
    try:
        for table in ("users", "sessions", "refresh_tokens"):
            count = f"select count(*) from auth.{table}"
            assert await connection.fetchval(count) == 0
            async with connection.transaction():
                await connection.execute("select set_config('app.user_id', $1, true)", str(alice.user_id))
                assert await connection.fetchval(count) == 1
                foreign = f"select count(*) from auth.{table} where user_id = $1"
                assert await connection.fetchval(foreign, bob.user_id) == 0
            assert await connection.fetchval(count) == 0
    finally:
        await connection.close()
    forced = await desk.behind(
        "select relname from pg_class where relnamespace = 'auth'::regnamespace and relkind = 'r'"
        " and not (relrowsecurity and relforcerowsecurity)"
    )
    assert {row["relname"] for row in forced} == {"login_lookup", "alembic_version"}


async def test_the_migrations_make_the_tables_of_the_code(desk: Desk) -> None:
    check(migrations_folder("auth"), desk.databases.owner_dsn("auth"))
