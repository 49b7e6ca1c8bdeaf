"""What market-data refuses, and how it says so."""

from __future__ import annotations

from shared.trading.errors import Invalid, NotFound, Unavailable


class UnknownIndex(NotFound):
    """No index, or no version of it, goes by that name."""

    code = "unknown_index"
    title = "There is no such index"


class IndexNotReady(Unavailable):
    """The index exists but no version of it has been made yet."""

    code = "index_not_ready"
    title = "This index is still being put together"


class MarketNotReady(Unavailable):
    """The venue has not answered yet since this process started."""

    code = "market_not_ready"
    title = "Prices have not arrived from the venue yet"


class SourceUnavailable(Unavailable):
    """The source of market caps does not answer, or answers nonsense."""

    code = "coin_source_unavailable"
    title = "The source of market caps does not answer"


class VenueUnavailable(Unavailable):
    """The venue does not answer, or answers nonsense."""

    code = "venue_unavailable"
    title = "The venue does not answer"


class TooFewConstituents(Invalid):
    """Fewer coins passed every check than the index needs."""

    code = "too_few_constituents"
    title = "Too few coins passed every check"
