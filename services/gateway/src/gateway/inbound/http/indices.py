"""Indices: public facts of market-data; the last published version answers while market-data is away."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from gateway.inbound.caller import User
from gateway.inbound.desk import AtDesk, Desk
from gateway.inbound.http.models import Page
from gateway.inbound.problems import declared
from shared.contracts.market import IndexVersionView
from shared.contracts.rpc import market_data
from shared.trading.errors import Unavailable
from shared.trading.status import VenueEnvironment

indices = APIRouter(tags=["indices"])
Environment = Annotated[
    VenueEnvironment | None, Query(description="Whose instruments and prices; the deployment's default when left out.")
]


@indices.get("/api/indices", operation_id="indices_list", responses=declared(401))
async def list_indices(_user: User, desk: AtDesk, environment: Environment = None) -> Page[IndexVersionView]:
    """The newest version of every index."""
    where = environment or desk.environment
    try:
        found = await desk.ask.ask(market_data.LIST_INDICES, market_data.ListIndices(environment=where))
    except Unavailable:
        return Page[IndexVersionView](items=await _kept(desk, where))
    return Page[IndexVersionView](items=found.items)


@indices.get("/api/indices/{index_id}", operation_id="indices_get", responses=declared(401, 404))
async def get_index(
    index_id: Annotated[str, Path(max_length=64)],
    _user: User,
    desk: AtDesk,
    environment: Environment = None,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> IndexVersionView:
    """One index: rules, date, constituents, weights that sum to exactly 1, and who was left out and why."""
    where = environment or desk.environment
    question = market_data.GetIndex(environment=where, index_id=index_id, version=version)
    try:
        return await desk.ask.ask(market_data.GET_INDEX, question)
    except Unavailable:
        for index in await _kept(desk, where):
            if index.index_id == index_id and version in {None, index.version}:
                return index
        raise


async def _kept(desk: Desk, environment: VenueEnvironment) -> list[IndexVersionView]:
    """What was published last.

    Raises:
        Unavailable: nothing was, so that only market-data could tell.
    """
    found = await desk.index_shelf.newest(environment)
    if not found:
        raise Unavailable("Market data is not reachable now; try again in a moment.", code="market_data_unavailable")
    return found
