"""Public facts, asked of market-data."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from execution.application.ports import Constituent, IndexVersion
from execution.domain.errors import UnknownIndex
from execution.outbound.late import Asker
from shared.contracts.market import IndexVersionView
from shared.contracts.rpc import market_data
from shared.trading.depth import Depth
from shared.trading.errors import NotFound
from shared.trading.instrument import Instrument
from shared.trading.quote import Quote
from shared.trading.status import VenueEnvironment

BOOKS_AT_ONCE = 50
"""In one question: more might not fit into one answer."""


class MarketClient:
    """The port `Market`."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def index(self, environment: VenueEnvironment, index_id: str, *, user_id: UUID) -> IndexVersion:
        """The newest version of an index: a built-in one, or one of the user's own.

        Raises:
            UnknownIndex: none such in this environment.
        """
        question = market_data.GetIndex(environment=environment, index_id=index_id, user_id=user_id)
        try:
            view = await self._asker.ask(market_data.GET_INDEX, question)
        except NotFound:
            raise UnknownIndex(
                f'There is no index "{index_id[:64]}", so nothing was planned. GET /api/indices lists what there is.'
            ) from None
        return _version(view)

    async def indices(self, environment: VenueEnvironment) -> Sequence[IndexVersion]:
        """The newest version of every built-in index."""
        listed = await self._asker.ask(market_data.LIST_INDICES, market_data.ListIndices(environment=environment))
        return [_version(view) for view in listed.items]

    async def instruments(self, environment: VenueEnvironment, symbols: Collection[str]) -> Mapping[str, Instrument]:
        """The venue's rules by symbol."""
        question = market_data.GetSymbols(environment=environment, symbols=sorted(symbols))
        listed = await self._asker.ask(market_data.GET_INSTRUMENTS, question)
        return {row.symbol: row.to_domain() for row in listed.items}

    async def quotes(
        self, environment: VenueEnvironment, symbols: Collection[str], *, limits_age_s: float | None = None
    ) -> Mapping[str, Quote]:
        """Best prices by symbol; the venue's price limits as young as is asked for, where it answers in time."""
        question = market_data.GetQuotes(environment=environment, symbols=sorted(symbols), limits_age_s=limits_age_s)
        quoted = await self._asker.ask(market_data.GET_QUOTES, question)
        return {row.symbol: row.to_domain() for row in quoted.items}

    async def depth(self, environment: VenueEnvironment, symbols: Collection[str]) -> Mapping[str, Depth]:
        """Order books by symbol."""
        named = sorted(symbols)
        questions = [
            market_data.GetDepth(environment=environment, symbols=named[first : first + BOOKS_AT_ONCE])
            for first in range(0, len(named), BOOKS_AT_ONCE)
        ]
        told = await asyncio.gather(*(self._asker.ask(market_data.GET_DEPTH, one) for one in questions))
        return {row.symbol: row.to_domain() for part in told for row in part.items}


def _version(view: IndexVersionView) -> IndexVersion:
    return IndexVersion(
        index_id=view.index_id,
        name=view.name,
        version=view.version,
        weight_cap=view.weight_cap,
        constituents=[Constituent(asset=row.asset, symbol=row.symbol, weight=row.weight) for row in view.constituents],
        cash_share=view.cash_share,
    )
