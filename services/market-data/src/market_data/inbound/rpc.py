"""Answers about indices, instruments and quotes."""

from __future__ import annotations

from collections.abc import Mapping

from market_data.application.keep_own_indices import KeepOwnIndices
from market_data.application.market_board import MarketBoard
from market_data.application.read_depth import ReadDepth
from market_data.application.read_indices import ReadIndices
from market_data.inbound.views import difference_view, heads_view, index_view, levels_view, quote_view, rules_of
from shared.contracts.market import DepthView, IndexVersionView, InstrumentView
from shared.contracts.rpc import market_data as verbs
from shared.contracts.rpc.verb import Empty
from shared.runtime.rpc import RpcRouter
from shared.runtime.settings import VenueSettings
from shared.trading.status import VenueEnvironment


def market_rpc(
    boards: Mapping[VenueEnvironment, MarketBoard],
    depths: Mapping[VenueEnvironment, ReadDepth],
    venues: VenueSettings,
) -> RpcRouter:
    """Answers about the venues.

    Args:
        boards: What the venues said last, for each open environment.
        depths: Reads their order books.
        venues: Knows which environments are open.
    """
    router = RpcRouter()

    def board(environment: VenueEnvironment) -> MarketBoard:
        venues.host(environment)
        return boards[environment]

    @router.answer(verbs.GET_INSTRUMENTS)
    async def get_instruments(request: verbs.GetSymbols) -> verbs.InstrumentList:
        found = board(request.environment).instruments(request.symbols)
        return verbs.InstrumentList(items=[InstrumentView.of(item) for item in found])

    @router.answer(verbs.GET_QUOTES)
    async def get_quotes(request: verbs.GetQuotes) -> verbs.QuoteList:
        known = board(request.environment)
        if request.limits_age_s is not None:
            await known.ask_limits(request.symbols, age_s=request.limits_age_s)
        found = known.quotes(request.symbols)
        return verbs.QuoteList(items=[quote_view(item) for item in found])

    @router.answer(verbs.GET_DEPTH)
    async def get_depth(request: verbs.GetDepth) -> verbs.DepthList:
        listed = {item.symbol for item in board(request.environment).instruments(request.symbols)}
        found = await depths[request.environment].of(listed & set(request.symbols))
        return verbs.DepthList(items=[DepthView.of(item) for item in found])

    return router


def index_rpc(indices: ReadIndices, venues: VenueSettings) -> RpcRouter:
    """Answers about indices: the built-in ones, and those of the user who is named.

    Args:
        indices: Looks them up.
        venues: Knows which environments are open.
    """
    router = RpcRouter()

    @router.answer(verbs.LIST_INDICES)
    async def list_indices(request: verbs.ListIndices) -> verbs.IndexList:
        venues.host(request.environment)
        found = await indices.newest(request.environment, request.user_id)
        return verbs.IndexList(items=[index_view(item) for item in found])

    @router.answer(verbs.GET_INDEX)
    async def get_index(request: verbs.GetIndex) -> IndexVersionView:
        venues.host(request.environment)
        found = await indices.one(request.environment, request.index_id, request.version, request.user_id)
        return index_view(found)

    @router.answer(verbs.LIST_VERSIONS)
    async def list_versions(request: verbs.IndexRef) -> verbs.VersionList:
        venues.host(request.environment)
        found = await indices.versions(request.environment, request.index_id, request.user_id)
        return heads_view(request.index_id, found)

    @router.answer(verbs.DIFF_INDEX)
    async def diff_index(request: verbs.DiffIndex) -> verbs.IndexDiff:
        venues.host(request.environment)
        found = await indices.difference(
            request.environment,
            request.index_id,
            request.user_id,
            before=request.from_version,
            after=request.to_version,
        )
        return difference_view(found)

    @router.answer(verbs.GET_LEVELS)
    async def get_levels(request: verbs.GetLevels) -> verbs.LevelList:
        venues.host(request.environment)
        found = await indices.levels(request.environment, request.index_id, request.user_id, request.since)
        return levels_view(request.index_id, found)

    return router


def own_index_rpc(own: KeepOwnIndices, venues: VenueSettings) -> RpcRouter:
    """Users' own indices.

    Args:
        own: Keeps them.
        venues: Knows which environments are open.
    """
    router = RpcRouter()

    @router.answer(verbs.PREVIEW_INDEX)
    async def preview_index(request: verbs.IndexDraft) -> IndexVersionView:
        venues.host(request.environment)
        return index_view(await own.preview(request.environment, rules_of(request)))

    @router.answer(verbs.CREATE_INDEX)
    async def create_index(request: verbs.IndexDraft) -> IndexVersionView:
        venues.host(request.environment)
        return index_view(await own.create(request.user_id, request.environment, rules_of(request)))

    @router.answer(verbs.EDIT_INDEX)
    async def edit_index(request: verbs.EditIndex) -> IndexVersionView:
        venues.host(request.environment)
        made = await own.edit(
            request.user_id,
            request.environment,
            request.index_id,
            rules_of(request),
            if_version=request.if_version,
        )
        return index_view(made)

    @router.answer(verbs.DELETE_INDEX)
    async def delete_index(request: verbs.OwnIndexRef) -> Empty:
        venues.host(request.environment)
        await own.delete(request.user_id, request.environment, request.index_id)
        return Empty()

    return router
