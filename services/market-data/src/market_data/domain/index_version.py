"""An immutable version of an index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from market_data.domain.index_rules import IndexRules
from shared.trading.instrument import Instrument
from shared.trading.status import VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class Constituent:
    """A coin in an index version.

    Attributes:
        asset: The venue's base coin.
        market_cap: US dollars, from the source.
        price: US dollars, from the source.
        weight: A fraction; all weights of a version sum to exactly 1.
        rank: Place by market cap among all coins of the source, excluded ones too.
        volume: US dollars traded in 24 hours, from the source; None where it told none.
    """

    asset: str
    symbol: str
    source_id: str
    name: str
    market_cap: Decimal
    price: Decimal
    weight: Decimal
    rank: int
    volume: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A coin that ranks high enough but is not in the index, and why."""

    asset: str
    source_id: str
    rank: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """What an index is made of, before it gets a number."""

    rules: IndexRules
    constituents: tuple[Constituent, ...]
    exclusions: tuple[Exclusion, ...]
    as_of: datetime

    def weights(self) -> dict[str, Decimal]:
        """Weight by symbol."""
        return {item.symbol: item.weight for item in self.constituents}


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexVersion:
    """A numbered composition for one environment.

    Attributes:
        version: Counts from 1 per environment and index.
        recipe: Fingerprints of the rules and of the reviewed tables it was made with.
        reason: Why it was made: a word of `reconstitution.Reason`.
        user_id: Whose own index it is; None for a built-in one.
    """

    environment: VenueEnvironment
    version: int
    recipe: str
    composition: Composition
    reason: str = "scheduled"
    user_id: UUID | None = None

    @property
    def index_id(self) -> str:
        """The index it is a version of."""
        return self.composition.rules.index_id


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionHead:
    """One version in a list."""

    version: int
    as_of: datetime
    reason: str
    constituents: int


def gone(version: IndexVersion, instruments: Mapping[str, Instrument]) -> list[str]:
    """Symbols of a version that the venue does not trade any more: renamed, merged, delisted or halted."""
    return sorted(
        item.symbol
        for item in version.composition.constituents
        if item.symbol not in instruments or not instruments[item.symbol].trading
    )
