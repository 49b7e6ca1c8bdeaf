"""Answers about indices, instruments and quotes."""

from __future__ import annotations

from collections.abc import Mapping

from market_data.application.market_board import MarketBoard
from market_data.application.read_indices import ReadIndices
from market_data.inbound.views import index_view, quote_view
from shared.contracts.market import IndexVersionView, InstrumentView
from shared.contracts.rpc import market_data as verbs
from shared.runtime.rpc import RpcRouter
from shared.runtime.settings import VenueSettings
from shared.trading.status import VenueEnvironment


def create_rpc(
    boards: Mapping[VenueEnvironment, MarketBoard], indices: ReadIndices, venues: VenueSettings
) -> RpcRouter:
    """The service's rpc answers.

    Args:
        boards: What the venues said last, for each open environment.
        indices: Looks up index versions.
        venues: Knows which environments are open.
    """
    router = RpcRouter()

    def board(environment: VenueEnvironment) -> MarketBoard:
        venues.host(environment)
        return boards[environment]

    @router.answer(verbs.LIST_INDICES)
    async def list_indices(request: verbs.ListIndices) -> verbs.IndexList:
        venues.host(request.environment)
        return verbs.IndexList(items=[index_view(item) for item in await indices.newest(request.environment)])

    @router.answer(verbs.GET_INDEX)
    async def get_index(request: verbs.GetIndex) -> IndexVersionView:
        venues.host(request.environment)
        return index_view(await indices.one(request.environment, request.index_id, request.version))

    @router.answer(verbs.GET_INSTRUMENTS)
    async def get_instruments(request: verbs.GetSymbols) -> verbs.InstrumentList:
        found = board(request.environment).instruments(request.symbols)
        return verbs.InstrumentList(items=[InstrumentView.of(item) for item in found])

    @router.answer(verbs.GET_QUOTES)
    async def get_quotes(request: verbs.GetSymbols) -> verbs.QuoteList:
        found = board(request.environment).quotes(request.symbols)
        return verbs.QuoteList(items=[quote_view(item) for item in found])

    return router
