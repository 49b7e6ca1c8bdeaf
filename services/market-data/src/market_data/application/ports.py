"""What the use cases need from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from market_data.domain.coin import SourceList
from market_data.domain.identity import Candle
from market_data.domain.index_version import Composition, IndexVersion
from market_data.domain.price_limits import PriceLimit
from shared.trading.instrument import Instrument
from shared.trading.quote import Quote
from shared.trading.status import VenueEnvironment


class CoinSource(Protocol):
    """Where market caps come from."""

    async def coins(self) -> SourceList:
        """The largest coins, broken rows told apart.

        Raises:
            SourceUnavailable: No usable answer in time.
        """
        ...


class PublicVenue(Protocol):
    """The public side of one venue environment."""

    async def instruments(self) -> Sequence[Instrument]:
        """All spot pairs against USDT.

        Raises:
            VenueUnavailable: No usable answer in time.
        """
        ...

    async def quotes(self) -> Mapping[str, Quote]:
        """The top of every spot book by symbol, stamped with the moment the answer was received.

        Raises:
            VenueUnavailable: No usable answer in time.
        """
        ...

    async def price_limit(self, symbol: str) -> PriceLimit:
        """Beyond which prices orders are refused now.

        Raises:
            VenueUnavailable: No usable answer in time.
        """
        ...

    async def candle(self, symbol: str, at: datetime) -> Candle | None:
        """The one-minute candle that covers `at`, else the latest of the ten minutes before; None without trading.

        Raises:
            VenueUnavailable: No usable answer in time.
        """
        ...


class IndexVersions(Protocol):
    """Index versions, immutable once published."""

    async def newest(self, environment: VenueEnvironment, index_id: str) -> IndexVersion | None:
        """The version that is in force."""
        ...

    async def get(self, environment: VenueEnvironment, index_id: str, version: int) -> IndexVersion | None:
        """One version."""
        ...

    async def publish(
        self, environment: VenueEnvironment, composition: Composition, *, recipe: str, after: int
    ) -> IndexVersion:
        """Store version `after` + 1 together with its event.

        Raises:
            Conflict: code `version_taken`, when another replica was faster.
        """
        ...


class Progress(Protocol):
    """Tells an operator what is going on; takes facts by keyword."""

    def info(self, event: str, **facts: object) -> object:
        """Something ordinary."""
        ...

    def warning(self, event: str, **facts: object) -> object:
        """Something an operator should look at."""
        ...
