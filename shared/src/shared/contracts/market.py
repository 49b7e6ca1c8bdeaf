"""Events and views of market-data."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from pydantic import Field

from shared.contracts.fields import Contract, DecimalText, EventData, Moment
from shared.trading.depth import BookLevel, Depth
from shared.trading.instrument import Instrument
from shared.trading.quote import Quote
from shared.trading.status import VenueEnvironment

Weighting = Literal["market_cap", "sqrt_cap", "equal", "fixed"]
Buffering = Literal["none", "rank", "cap"]
Rhythm = Literal["daily", "weekly", "monthly", "quarterly"]


class ConstituentView(Contract):
    """An asset in one index version."""

    asset: str
    symbol: str
    source_id: str
    """CoinGecko id."""
    name: str
    market_cap: DecimalText
    """US dollars at `as_of`."""
    price: DecimalText
    """US dollars at `as_of`, from the source."""
    weight: DecimalText
    rank: int
    volume_24h: DecimalText | None = None
    """US dollars at `as_of`, from the source; null where it told none."""


class ExclusionView(Contract):
    """A ranked coin that is not in the index, and why."""

    asset: str
    source_id: str
    rank: int
    reason: str
    """`category:stablecoins`, `not_listed`, `identity_mismatch`, `not_in_table`, `source_row_invalid`, …"""


class FixedWeightView(Contract):
    """A coin that an index holds at a weight of its own."""

    asset: str
    weight: DecimalText


class IndexRulesView(Contract):
    """How an index is put together; fractions are of the invested part."""

    size: int
    """Number of constituents."""
    weighting: Weighting = "market_cap"
    max_weight: DecimalText = Decimal(1)
    """Largest weight; what is above it is spread over the others, again and again."""
    min_weight: DecimalText = Decimal(0)
    """Smallest weight; what is missing comes from the others."""
    include: list[str] = Field(default_factory=list)
    """Assets that are members whatever their rank, as long as they can be bought."""
    exclude: list[str] = Field(default_factory=list)
    """Assets that are never members."""
    fixed_weights: list[FixedWeightView] = Field(default_factory=list)
    """For the weighting `fixed`: every member with its weight, summing to exactly 1."""
    cash_share: DecimalText = Decimal(0)
    """Fraction of an amount that stays in quote currency."""
    buffer: Buffering = "rank"
    """`rank`: in at rank ≤ enter × size, out past leave × size. `cap`: a challenger must exceed the last member's cap."""
    buffer_enter: DecimalText = Decimal("0.7")
    buffer_leave: DecimalText = Decimal("1.3")
    buffer_cap_percent: DecimalText = Decimal(5)
    min_volume_24h: DecimalText = Decimal(0)
    """US dollars traded in 24 hours, by the source."""
    min_age_days: int = 0
    """Days since the coin was first seen among the largest."""
    reconstitution: Rhythm = "monthly"


class IndexVersionView(Contract):
    """An immutable version of an index: rules, date, constituents, weights summing to exactly 1."""

    index_id: str
    name: str
    description: str
    environment: VenueEnvironment
    version: int
    weighting: str
    weight_cap: DecimalText
    as_of: Moment
    constituents: list[ConstituentView]
    exclusions: list[ExclusionView]
    cash_share: DecimalText = Decimal(0)
    """Fraction of an amount that stays in quote currency: what is invested is amount × (1 − cash_share)."""
    weight_floor: DecimalText = Decimal(0)
    owner: Literal["built_in", "custom"] = "built_in"
    reason: str = "scheduled"
    """Why this version was made: `first`, `scheduled`, `rules_changed`, `tables_changed`, `constituent_lost`."""
    rules: IndexRulesView | None = None
    """The rules in full; null for versions made before they were kept."""


class IndexVersionPublished(EventData):
    """A new version of an index: a built-in one, or, with a user in its subject, one of that user's own."""

    index: IndexVersionView


class InstrumentView(Contract):
    """An instrument and the venue's rules; quantities in base units, notionals in quote units."""

    symbol: str
    base: str
    quote: str
    lot_size: DecimalText
    tick_size: DecimalText
    min_quantity: DecimalText
    min_notional: DecimalText
    max_limit_quantity: DecimalText
    trading: bool

    @classmethod
    def of(cls, instrument: Instrument) -> InstrumentView:
        """The view of a domain instrument."""
        return cls(
            symbol=instrument.symbol,
            base=instrument.base,
            quote=instrument.quote,
            lot_size=instrument.lot_size,
            tick_size=instrument.tick_size,
            min_quantity=instrument.min_quantity,
            min_notional=instrument.min_notional,
            max_limit_quantity=instrument.max_limit_quantity,
            trading=instrument.trading,
        )

    def to_domain(self) -> Instrument:
        """The domain instrument of this view."""
        return Instrument(**self.model_dump())


class BookLevelView(Contract):
    """One price of a book: quote per base, and the base units that stand there."""

    price: DecimalText
    quantity: DecimalText


class DepthView(Contract):
    """The best levels of both sides of a book, best first."""

    symbol: str
    bids: list[BookLevelView]
    asks: list[BookLevelView]
    at: Moment
    levels: int = 0
    """So many were asked for of each side: one with as many may go on. 0: the whole book."""

    @classmethod
    def of(cls, depth: Depth) -> DepthView:
        """The view of a book."""
        return cls(
            symbol=depth.symbol,
            bids=_levels(depth.bids),
            asks=_levels(depth.asks),
            at=depth.at,
            levels=depth.levels,
        )

    def to_domain(self) -> Depth:
        """The book."""
        return Depth(
            symbol=self.symbol,
            bids=[BookLevel(price=one.price, quantity=one.quantity) for one in self.bids],
            asks=[BookLevel(price=one.price, quantity=one.quantity) for one in self.asks],
            at=self.at,
            levels=self.levels,
        )


def _levels(levels: Sequence[BookLevel]) -> list[BookLevelView]:
    return [BookLevelView(price=one.price, quantity=one.quantity) for one in levels]


class QuoteView(Contract):
    """The top of a book; prices in quote per base."""

    symbol: str
    bid: DecimalText
    ask: DecimalText
    last: DecimalText
    at: Moment
    buy_limit: DecimalText | None = None
    """The venue refuses buys above this price now; null while it is not known."""
    sell_limit: DecimalText | None = None
    """The venue refuses sells below this price now; null while it is not known."""

    def to_domain(self) -> Quote:
        """The domain quote of this view."""
        return Quote(
            symbol=self.symbol,
            bid=self.bid,
            ask=self.ask,
            last=self.last,
            at=self.at,
            buy_limit=self.buy_limit,
            sell_limit=self.sell_limit,
        )
