"""What the routes have at hand: put on the app by the wiring, taken from the request by the routes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Protocol, cast
from uuid import UUID

from fastapi import Depends
from starlette.requests import HTTPConnection

from gateway.application.close_position import ClosePosition
from gateway.application.freshness import Freshness
from gateway.application.open_position import OpenPosition
from gateway.application.ports import DeadLetter, PositionReader
from gateway.application.rebalance_ports import Rebalancings
from gateway.application.run_plan import RunPlan
from gateway.domain.exported import ExportedFill, ExportedOrder, ExportedRelease
from gateway.domain.waiting_order import WaitingOrder
from gateway.inbound.limits import Limits
from gateway.inbound.live_feed import LiveFeed
from gateway.inbound.tokens import AccessTokens
from shared.contracts.market import IndexVersionView
from shared.contracts.rpc.plans import PlanOptions, PlanView, RunKindName
from shared.runtime.rpc import RpcClient
from shared.trading.clock import Clock
from shared.trading.policy import LegPolicy
from shared.trading.status import VenueEnvironment


class PlanDesk(Protocol):
    """Makes plans that people can look at."""

    async def show_buy(
        self, *, user_id: UUID, account_id: UUID, index_id: str, amount: Decimal, policy: LegPolicy = LegPolicy.HOLD
    ) -> PlanView:
        """A plan to buy an index."""
        ...

    async def show_close(self, *, user_id: UUID, position_id: UUID, policy: LegPolicy = LegPolicy.HOLD) -> PlanView:
        """A plan to sell a position."""
        ...

    async def show_run(
        self,
        *,
        user_id: UUID,
        position_id: UUID,
        kind: RunKindName,
        amount: Decimal | None,
        options: PlanOptions,
        policy: LegPolicy = LegPolicy.HOLD,
    ) -> PlanView:
        """A plan for a position that stands."""
        ...


class PlanShelf(Protocol):
    """Plans that were handed out."""

    async def find(self, user_id: UUID, plan_id: UUID) -> PlanView | None:
        """A plan handed to this user."""
        ...


class IndexShelf(Protocol):
    """The last index versions that were published."""

    async def newest(self, environment: VenueEnvironment) -> list[IndexVersionView]:
        """Every index of an environment."""
        ...


class ExportDesk(Protocol):
    """A user's rows, a page at a time."""

    def orders(self, user_id: UUID, *, position_id: UUID | None) -> AsyncIterator[ExportedOrder]:
        """Legs of all runs by position, run and number."""
        ...

    def fills(self, user_id: UUID, *, position_id: UUID | None) -> AsyncIterator[ExportedFill]:
        """Matches by time."""
        ...

    def changes(self, user_id: UUID, *, position_id: UUID | None) -> AsyncIterator[ExportedFill | ExportedRelease]:
        """All that changed what positions hold, by position and coin, in the order of the books."""
        ...


class DeadLetterDesk(Protocol):
    """Letters for operators."""

    async def newest(self, *, limit: int, after: tuple[datetime, str] | None = None) -> list[DeadLetter]:
        """Letters, newest first; `after` is moment and name of the last one seen."""
        ...


class AttentionDesk(Protocol):
    """Orders that wait for a person."""

    async def waiting(self, *, limit: int) -> list[WaitingOrder]:
        """Of all users."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Use cases, readers and questions; one per process.

    Attributes:
        nameless: Places for sockets that have not said yet who they are.
        chance: Spreads the reconnects of many browsers.
    """

    ask: RpcClient
    tokens: AccessTokens
    limits: Limits
    open_position: OpenPosition
    close_position: ClosePosition
    run_plan: RunPlan
    plans: PlanDesk
    plan_shelf: PlanShelf
    index_shelf: IndexShelf
    positions: PositionReader
    rebalancings: Rebalancings
    exports: ExportDesk
    clock: Clock
    fresh: Freshness
    dead_letters: DeadLetterDesk
    attention: AttentionDesk
    feed: LiveFeed
    nameless: asyncio.Semaphore
    chance: random.Random
    origins: frozenset[str]
    environment: VenueEnvironment
    paper_balance: Decimal
    paper_balance_max: Decimal
    health: Mapping[str, Callable[[], Awaitable[None]]]


def put(app_state: object, desk: Desk) -> None:
    """Where the routes find it."""
    app_state.desk = desk  # type: ignore[attr-defined]


async def _desk(connection: HTTPConnection) -> Desk:
    return cast("Desk", connection.app.state.desk)


AtDesk = Annotated[Desk, Depends(_desk)]
