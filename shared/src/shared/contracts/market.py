"""Events and views of market-data."""

from __future__ import annotations

from shared.contracts.fields import Contract, DecimalText, EventData, Moment
from shared.trading.instrument import Instrument
from shared.trading.quote import Quote
from shared.trading.status import VenueEnvironment


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


class ExclusionView(Contract):
    """A ranked coin that is not in the index, and why."""

    asset: str
    source_id: str
    rank: int
    reason: str
    """`category:stablecoins`, `not_listed`, `identity_mismatch`, `not_in_table`, `source_row_invalid`, …"""


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


class IndexVersionPublished(EventData):
    """A new version of a built-in index."""

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
