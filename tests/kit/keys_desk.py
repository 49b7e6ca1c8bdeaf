"""A keys service in the test's hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from basketry_local.testing.databases import TestDatabases
from keys.application.add_key import NewKey
from keys.application.approve_plan import ApprovedPlan
from keys.application.sign import AskAgain, CallToSign, Signed
from keys.domain.allowance import PlanCeiling
from keys.domain.endpoints import Caller
from keys.domain.lane import Lane
from keys.domain.secret import Secret
from keys.domain.stored_key import Credentials, StoredKey
from keys.inbound.use_cases import UseCases
from keys.settings import Settings
from kit.keys_paper import Paper
from kit.keys_plan import Plan
from shared.runtime.database import Database
from shared.testing import eventually
from shared.trading.clock import SystemClock
from shared.trading.status import Side, VenueEnvironment


class SkewedClock(SystemClock):
    """The machine's clock, moved by the test; with a `step` it also jumps at every look, as for a process held up."""

    def __init__(self) -> None:
        self.ahead, self.step = 0.0, 0.0

    def now(self) -> datetime:
        self.ahead += self.step
        return super().now() + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


@dataclass
class Desk:
    """A keys service in the test's hand."""

    cases: UseCases
    database: Database
    databases: TestDatabases
    clock: SkewedClock
    settings: Settings
    paper: Paper
    user: UUID = field(default_factory=uuid4)

    async def add(
        self, account: dict[str, str], *, user: UUID | None = None, label: str = "my key", environment: str = "paper"
    ) -> StoredKey:
        credentials = Credentials(
            api_key=Secret.of_text(account["api_key"]), api_secret=Secret.of_text(account["api_secret"])
        )
        return await self.cases.add(
            NewKey(
                user_id=user or self.user,
                label=label,
                environment=VenueEnvironment(environment),
                credentials=credentials,
            )
        )

    async def sign(
        self,
        key: StoredKey,
        path: str,
        payload: str,
        *,
        method: str = "POST",
        caller: Caller = Caller.EXECUTION,
        lane: Lane = Lane.BUY,
        user: UUID | None = None,
        not_after: datetime | None = None,
    ) -> Signed | AskAgain:
        return await self.cases.sign(
            CallToSign(
                caller=caller,
                user_id=user or key.user_id,
                key_id=key.key_id,
                method=method,
                path=path,
                payload=payload,
                recv_window_ms=5000,
                lane=lane,
                not_after=not_after,
            )
        )

    async def signed(self, key: StoredKey, path: str, payload: str, **how: Any) -> Signed:
        """Sign, waiting where the governor asks for it."""

        async def ask() -> Signed | None:
            answer = await self.sign(key, path, payload, **how)
            return answer if isinstance(answer, Signed) else None

        found = await eventually(ask, every_s=0.05)
        assert found is not None
        return found

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """What a superuser sees behind row-level security."""
        connection = await asyncpg.connect(self.databases.admin_dsn("keys"))
        try:
            return [dict(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    async def execute(self, statement: str, *values: Any) -> None:
        connection = await asyncpg.connect(self.databases.admin_dsn("keys"))
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()


async def approve(
    desk: Desk,
    key: StoredKey,
    plan: Plan,
    *,
    symbols: tuple[str, ...] = ("BTCUSDT",),
    side: Side = Side.BUY,
    quantity: str = "1",
    notional: str = "1000000",
    limit: str | None = None,
    amount: str | None = None,
    life_s: float = 60,
    user: UUID | None = None,
    reference: str | None = None,
    priced_at: datetime | None = None,
    retries: bool = False,
) -> None:
    await desk.cases.approve(
        ApprovedPlan(
            user_id=user or key.user_id,
            key_id=key.key_id,
            environment=key.environment,
            position_id=plan.position_id,
            plan_id=plan.plan_id,
            sides=frozenset({side}),
            ceilings=[
                PlanCeiling(
                    symbol=symbol,
                    side=side,
                    max_quantity=Decimal(quantity),
                    max_notional=Decimal(notional),
                    limit_price=None if limit is None else Decimal(limit),
                    reference_price=None if reference is None else Decimal(reference),
                    priced_at=priced_at,
                    retries=retries,
                )
                for symbol in symbols
            ],
            expires_at=desk.clock.now() + timedelta(seconds=life_s),
            approved_amount=None if side is Side.SELL else Decimal(amount or "1000000000"),
        )
    )
