"""Composition root of auth: the only module that knows every room."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from auth.application.grant_admin import grant_admin
from auth.application.refresh import Refresh
from auth.application.register import Register
from auth.application.sign_in import SignIn
from auth.application.sign_out import SignOut
from auth.domain.user import User
from auth.inbound.rpc import create_rpc
from auth.inbound.tidying import tidying
from auth.outbound.access_tokens import SignedAccessTokens
from auth.outbound.key_file import KeyFile, read_key_file
from auth.outbound.passwords import Argon2Passwords
from auth.outbound.postgres.account_repository import PostgresAccounts
from auth.outbound.postgres.session_repository import PostgresSessions
from auth.outbound.postgres.tables import outbox
from auth.settings import Settings
from shared.runtime.database import Database
from shared.runtime.outbox import Outbox
from shared.runtime.process import Process
from shared.runtime.settings import dsn_text
from shared.trading.clock import SystemClock, SystemIds

CLOCK, IDS = SystemClock(), SystemIds()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The use cases over one database, without a bus."""

    database: Database
    accounts: PostgresAccounts
    passwords: Argon2Passwords
    tokens: SignedAccessTokens
    register: Register
    sign_in: SignIn
    refresh: Refresh
    sign_out: SignOut

    async def close(self) -> None:
        """Give threads and connections back."""
        await self.passwords.close()
        await self.database.close()


def identity(settings: Settings) -> Identity:
    """Everything behind the door."""
    keys = read_key_file(settings.signing_key_file)
    database = Database(dsn_text(settings.database_dsn))
    accounts = _accounts(database, keys)
    sessions = PostgresSessions(database, lookup_key=keys.lookup_key())
    passwords = Argon2Passwords(threads=settings.password_threads, queue=settings.password_queue)
    tokens = SignedAccessTokens(
        keys,
        issuer=settings.token_issuer,
        audience=settings.token_audience,
        lifetime_s=settings.access_lifetime_s,
        ids=IDS,
    )
    sign_in = SignIn(accounts, passwords, sessions, tokens, clock=CLOCK, ids=IDS, random_bytes=secrets.token_bytes)
    return Identity(
        database=database,
        accounts=accounts,
        passwords=passwords,
        tokens=tokens,
        register=Register(accounts, passwords, clock=CLOCK, ids=IDS),
        sign_in=sign_in,
        refresh=Refresh(sessions, tokens, server_key=keys.refresh_key(), clock=CLOCK),
        sign_out=SignOut(sessions, CLOCK),
    )


def build(settings: Settings) -> Process:
    """The service's process, not yet started."""
    whole = identity(settings)
    router = create_rpc(
        register=whole.register,
        sign_in=whole.sign_in,
        refresh=whole.refresh,
        sign_out=whole.sign_out,
        accounts=whole.accounts,
        jwks=whole.tokens.jwks,
    )

    async def forget() -> int:
        return await whole.accounts.forget_strangers(CLOCK.now())

    return Process(
        "auth",
        settings,
        database=whole.database,
        outbox=outbox,
        rpc=[router],
        loops={"tidying": tidying(forget)},
        on_stop=[whole.passwords.close],
    )


async def make_admin(settings: Settings, email: str) -> User:
    """Give a user the admin role, beside a running service."""
    database = Database(dsn_text(settings.database_dsn), pool_size=1)
    try:
        return await grant_admin(_accounts(database, read_key_file(settings.signing_key_file)), email)
    finally:
        await database.close()


def _accounts(database: Database, keys: KeyFile) -> PostgresAccounts:
    announcer = Outbox(outbox, source="auth", clock=CLOCK, ids=IDS)
    return PostgresAccounts(database, announcer, lookup_key=keys.lookup_key())
