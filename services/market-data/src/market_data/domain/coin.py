"""A coin as the source of market caps reports it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCoin:
    """One well-formed row of the source.

    Attributes:
        source_id: The source's own id, never ambiguous.
        symbol: The source's ticker, upper case; several coins may share it.
        price: US dollars, above zero.
        market_cap: US dollars, above zero.
        updated_at: When the source took the price, UTC.
        place: Where the row stood in the source's list, from 1.
        categories: The excluding categories that the source puts it in.
        volume: US dollars traded in 24 hours; None where the source tells none.
    """

    source_id: str
    symbol: str
    name: str
    price: Decimal
    market_cap: Decimal
    updated_at: datetime
    place: int
    categories: frozenset[str] = field(default=frozenset())
    volume: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRow:
    """A row of the source that cannot be used: no cap, not a number, negative, undated."""

    source_id: str
    symbol: str
    place: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceList:
    """One pull: every row, sound or broken."""

    coins: tuple[SourceCoin, ...]
    broken: tuple[BrokenRow, ...]
    at: datetime
