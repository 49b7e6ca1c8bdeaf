"""A coin that may be in an index, as far as anybody knows by now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from market_data.domain.coin import SourceCoin
from market_data.domain.index_version import Exclusion
from shared.trading.instrument import Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A coin that may be in an index once its identity is proved.

    Attributes:
        rank: Place by market cap among all coins of the source, excluded ones too.
        known_since: The first day on which it was seen among the largest; None when nobody noted it.
    """

    coin: SourceCoin
    instrument: Instrument
    rank: int
    known_since: date | None = None

    @property
    def asset(self) -> str:
        """The venue's base coin."""
        return self.instrument.base

    @property
    def source_id(self) -> str:
        """The source's own id."""
        return self.coin.source_id

    def exclusion(self, reason: str) -> Exclusion:
        """The exclusion that takes its place."""
        return Exclusion(asset=self.asset, source_id=self.source_id, rank=self.rank, reason=reason)


Verdict = Candidate | Exclusion
