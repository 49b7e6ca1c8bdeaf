"""What positions came to: returns, benchmark lines, contributions; one picture per environment for all of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from gateway.inbound.caller import User
from gateway.inbound.desk import AtDesk, Desk
from gateway.inbound.problems import declared
from shared.contracts.rpc import reconciler
from shared.trading.errors import NotFound
from shared.trading.money import ZERO

performance = APIRouter(tags=["positions"])


class Range(StrEnum):
    """How far back."""

    DAY = "1d"
    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"
    YEAR = "1y"
    ALL = "all"


_DAYS = {Range.DAY: 1, Range.WEEK: 7, Range.MONTH: 30, Range.QUARTER: 90, Range.YEAR: 365}
Back = Annotated[
    Range,
    Query(alias="range", description="How far back; `all` is since the first flow. Totals are always since then."),
]


@performance.get(
    "/api/positions/{position_id}/performance", operation_id="positions_performance", responses=declared(401, 404)
)
async def position_performance(
    position_id: UUID, user: User, desk: AtDesk, back: Back = Range.ALL
) -> reconciler.Performance:
    """One position: time- and money-weighted returns, drawdown, fees, slippage, contributions, lines to compare with.

    Before anything was bought there are no figures and no points.
    """
    question = reconciler.GetPerformance(user_id=user.user_id, position_id=position_id, since=_since(desk, back))
    try:
        return await desk.ask.ask(reconciler.GET_PERFORMANCE, question)
    except NotFound:
        if await desk.positions.detail(user.user_id, position_id) is None:
            raise
    return _nothing_yet(position_id)


@performance.get("/api/portfolio", operation_id="portfolio_get", responses=declared(401))
async def portfolio(user: User, desk: AtDesk, back: Back = Range.ALL) -> reconciler.Portfolio:
    """All positions, one picture for each environment: paper and live are never added up."""
    question = reconciler.GetPortfolio(user_id=user.user_id, since=_since(desk, back))
    return await desk.ask.ask(reconciler.GET_PORTFOLIO, question)


def _since(desk: Desk, back: Range) -> datetime | None:
    days = _DAYS.get(back)
    return None if days is None else desk.clock.now() - timedelta(days=days)


def _nothing_yet(position_id: UUID) -> reconciler.Performance:
    return reconciler.Performance(
        position_id=position_id,
        returns=reconciler.ReturnsView(max_drawdown=ZERO),
        benchmarks=reconciler.BenchmarksView(),
        contributions=[],
        flows=[],
        points=[],
    )
