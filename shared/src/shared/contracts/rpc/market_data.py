"""Questions to market-data."""

from __future__ import annotations

from shared.contracts.fields import Contract
from shared.contracts.market import IndexVersionView, InstrumentView, QuoteView
from shared.contracts.rpc.verb import RpcVerb
from shared.trading.status import VenueEnvironment


class ListIndices(Contract):
    """The newest version of every index of an environment."""

    environment: VenueEnvironment


class IndexList(Contract):
    """Index versions, sorted by id."""

    items: list[IndexVersionView]


class GetIndex(Contract):
    """One index: the newest version, or the one named."""

    environment: VenueEnvironment
    index_id: str
    version: int | None = None


class GetSymbols(Contract):
    """Facts about some symbols; an empty list asks for all."""

    environment: VenueEnvironment
    symbols: list[str]


class InstrumentList(Contract):
    """Instruments; a symbol that the venue does not list is left out."""

    items: list[InstrumentView]


class QuoteList(Contract):
    """Quotes; a symbol without any price is left out."""

    items: list[QuoteView]


LIST_INDICES = RpcVerb("market_data", "list_indices", ListIndices, IndexList, callers=("gateway",))
GET_INDEX = RpcVerb("market_data", "get_index", GetIndex, IndexVersionView, callers=("gateway", "execution"))
GET_INSTRUMENTS = RpcVerb(
    "market_data", "get_instruments", GetSymbols, InstrumentList, callers=("execution", "reconciler")
)
GET_QUOTES = RpcVerb(
    "market_data", "get_quotes", GetSymbols, QuoteList, callers=("execution", "reconciler", "gateway"), timeout_s=2.0
)
VERBS = (LIST_INDICES, GET_INDEX, GET_INSTRUMENTS, GET_QUOTES)
