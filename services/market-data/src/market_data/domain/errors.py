"""What market-data refuses, and how it says so."""

from __future__ import annotations

from shared.trading.errors import Conflict, Invalid, NotFound, Unavailable


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


class IndexRulesRefused(Invalid):
    """The rules of an index contradict themselves; `context.rule` names the one."""

    code = "index_rules_refused"
    title = "These rules do not make an index"


class CoinsNotAvailable(Invalid):
    """A coin that the rules ask for by name cannot be bought here; `context.coins` tells why for each."""

    code = "coins_not_available"
    title = "A coin of this index cannot be bought"


class TooManyIndices(Invalid):
    """One user may keep only so many indices."""

    code = "too_many_indices"
    title = "You have reached the number of indices of your own"


class VersionMoved(Conflict):
    """The index was edited since it was read."""

    code = "index_changed"
    title = "The index was changed meanwhile"
