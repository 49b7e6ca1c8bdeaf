"""Questions to market-data."""

from __future__ import annotations

from uuid import UUID

from pydantic import Field

from shared.contracts.fields import Contract, DecimalText, Moment
from shared.contracts.market import DepthView, IndexRulesView, IndexVersionView, InstrumentView, QuoteView
from shared.contracts.rpc.verb import Empty, RpcVerb
from shared.trading.status import VenueEnvironment


class ListIndices(Contract):
    """The newest version of every built-in index of an environment, and of the user's own where one is named."""

    environment: VenueEnvironment
    user_id: UUID | None = None


class IndexList(Contract):
    """Index versions, sorted by id."""

    items: list[IndexVersionView]


class GetIndex(Contract):
    """One index: the newest version, or the one named. A user's own is found only with that user's id."""

    environment: VenueEnvironment
    index_id: str
    version: int | None = None
    user_id: UUID | None = None


class IndexRef(Contract):
    """An index, built in or the user's own."""

    environment: VenueEnvironment
    index_id: str
    user_id: UUID | None = None


class VersionHead(Contract):
    """One version in a list."""

    version: int
    as_of: Moment
    reason: str
    constituents: int


class VersionList(Contract):
    """All versions of an index, newest first."""

    index_id: str
    items: list[VersionHead]


class DiffIndex(IndexRef):
    """What changed between two versions; without numbers, between the last two."""

    from_version: int | None = None
    to_version: int | None = None


class WeightChange(Contract):
    """One coin in two versions; a weight is null where the coin is not a member."""

    asset: str
    symbol: str
    change: str
    """`entered`, `left` or `weight`."""
    before: DecimalText | None
    after: DecimalText | None
    reason: str
    """`rank 6`, `past_leave_rank:14`, `category:stablecoins`, `rules_changed`, `market`, …"""


class IndexDiff(Contract):
    """Who entered, who left, and whose weight changed, in this order; `turnover` is ½ Σ |change of weight|."""

    index_id: str
    from_version: int
    to_version: int
    turnover: DecimalText
    changes: list[WeightChange]


class GetLevels(IndexRef):
    """The index's level since a moment; without one, all that is kept."""

    since: Moment | None = None


class LevelPoint(Contract):
    """The level of an index at a moment: 1000 at the first version, and no jump where the version changes."""

    at: Moment
    level: DecimalText
    version: int
    stale: list[str] = Field(default_factory=list)
    """Constituents that had no price then and are counted at their last one."""


class LevelList(Contract):
    """Points, oldest first: every 5 minutes for two days, every hour for 60 days, then every day.

    The level tells of the invested part: a cash share does not enter it.
    """

    index_id: str
    items: list[LevelPoint]


class IndexDraft(Contract):
    """What a user wants an index to be."""

    user_id: UUID
    environment: VenueEnvironment
    name: str
    description: str = ""
    rules: IndexRulesView


class EditIndex(IndexDraft):
    """New rules for a user's own index: a new version."""

    index_id: str
    if_version: int | None = None
    """Refused when the newest version is another one."""


class OwnIndexRef(Contract):
    """One of a user's own indices."""

    user_id: UUID
    environment: VenueEnvironment
    index_id: str


class GetSymbols(Contract):
    """Facts about some symbols; an empty list asks for all."""

    environment: VenueEnvironment
    symbols: list[str]


class GetQuotes(GetSymbols):
    """Quotes of some symbols; an empty list asks for all, without price limits."""

    limits_age_s: float | None = None
    """The venue is asked again for price limits older than this many seconds, and for those that the price has left.

    Null tells what is known, at once.
    """


class InstrumentList(Contract):
    """Instruments; a symbol that the venue does not list is left out."""

    items: list[InstrumentView]


class QuoteList(Contract):
    """Quotes; a symbol without any price is left out."""

    items: list[QuoteView]


class GetDepth(Contract):
    """The best levels of some books."""

    environment: VenueEnvironment
    symbols: list[str] = Field(max_length=200)


class DepthList(Contract):
    """Books; one that the venue does not tell in time is left out."""

    items: list[DepthView]


LIST_INDICES = RpcVerb("market_data", "list_indices", ListIndices, IndexList, callers=("gateway", "execution"))
GET_INDEX = RpcVerb("market_data", "get_index", GetIndex, IndexVersionView, callers=("gateway", "execution"))
LIST_VERSIONS = RpcVerb("market_data", "list_index_versions", IndexRef, VersionList, callers=("gateway",))
DIFF_INDEX = RpcVerb("market_data", "diff_index", DiffIndex, IndexDiff, callers=("gateway",))
GET_LEVELS = RpcVerb("market_data", "get_levels", GetLevels, LevelList, callers=("gateway", "reconciler"))
PREVIEW_INDEX = RpcVerb(
    "market_data", "preview_index", IndexDraft, IndexVersionView, callers=("gateway",), timeout_s=20.0
)
CREATE_INDEX = RpcVerb(
    "market_data", "create_index", IndexDraft, IndexVersionView, callers=("gateway",), acts=True, timeout_s=20.0
)
EDIT_INDEX = RpcVerb(
    "market_data", "edit_index", EditIndex, IndexVersionView, callers=("gateway",), acts=True, timeout_s=20.0
)
DELETE_INDEX = RpcVerb("market_data", "delete_index", OwnIndexRef, Empty, callers=("gateway",), acts=True)
GET_INSTRUMENTS = RpcVerb(
    "market_data", "get_instruments", GetSymbols, InstrumentList, callers=("execution", "reconciler")
)
GET_QUOTES = RpcVerb(
    "market_data", "get_quotes", GetQuotes, QuoteList, callers=("execution", "reconciler", "gateway"), timeout_s=2.0
)
GET_DEPTH = RpcVerb("market_data", "get_depth", GetDepth, DepthList, callers=("execution",), timeout_s=2.0)
VERBS = (
    LIST_INDICES,
    GET_INDEX,
    LIST_VERSIONS,
    DIFF_INDEX,
    GET_LEVELS,
    PREVIEW_INDEX,
    CREATE_INDEX,
    EDIT_INDEX,
    DELETE_INDEX,
    GET_INSTRUMENTS,
    GET_QUOTES,
    GET_DEPTH,
)
