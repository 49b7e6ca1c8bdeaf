"""What the venue itself did: the journal's records beside those of accounts and orders."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingHalted:
    """Nothing trades these pairs until they are resumed."""

    symbols: tuple[str, ...]
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingResumed:
    """These pairs trade again."""

    symbols: tuple[str, ...]
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesChanged:
    """A pair has other rules from now on; `rules` by the names of `Listing`."""

    symbol: str
    rules: dict[str, Decimal]
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairDelisted:
    """A pair is off the list, and every order of it has ended."""

    symbol: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinConverted:
    """All free coins of one kind became coins of another: for everybody at once, or for nobody.

    Attributes:
        ratio: New units for one old unit.
    """

    conversion_id: str
    coin: str
    into: str
    ratio: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveViewForgotten:
    """The live view of every account has forgotten the orders that ended, as after the venue's own restart."""

    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkIdsForgotten:
    """The venue no longer remembers that an account used these link ids."""

    uid: str
    link_ids: tuple[str, ...]
    at_ms: int
