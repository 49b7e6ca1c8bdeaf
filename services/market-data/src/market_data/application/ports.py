"""What the use cases need from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from market_data.domain.coin import SourceList
from market_data.domain.identity import Candle
from market_data.domain.index_version import Composition, IndexVersion, VersionHead
from market_data.domain.level import LevelBase, LevelPoint
from market_data.domain.price_limits import PriceLimit
from market_data.domain.reconstitution import Reason
from shared.trading.depth import Depth
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

    async def depth(self, symbol: str) -> Depth:
        """The best levels of a book.

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

    async def heads(self, environment: VenueEnvironment, index_id: str) -> Sequence[VersionHead]:
        """All versions, newest first."""
        ...

    async def publish(
        self, environment: VenueEnvironment, composition: Composition, *, recipe: str, reason: Reason, after: int
    ) -> IndexVersion:
        """Store version `after` + 1 together with its event.

        Raises:
            Conflict: code `version_taken`, when another replica was faster.
        """
        ...


class LevelStore(Protocol):
    """Where levels are kept, of built-in indices and of users' own."""

    async def base(self, version: IndexVersion) -> LevelBase | None:
        """From where the level of that version's index is counted; None before the first point."""
        ...

    async def record(self, version: IndexVersion, base: LevelBase, point: LevelPoint, *, thin: bool) -> None:
        """Keep the base and add the point, in one step; `thin` drops what has become too fine."""
        ...

    async def points(self, version: IndexVersion, since: datetime | None) -> Sequence[LevelPoint]:
        """Points from a moment on, oldest first."""
        ...


class Progress(Protocol):
    """Tells an operator what is going on; takes facts by keyword."""

    def info(self, event: str, **facts: object) -> object:
        """Something ordinary."""
        ...

    def warning(self, event: str, **facts: object) -> object:
        """Something an operator should look at."""
        ...


class OwnIndices(Protocol):
    """Users' own indices: whoever asks sees those of the user named and no others."""

    async def of_user(self, user_id: UUID, environment: VenueEnvironment) -> Sequence[IndexVersion]:
        """The newest version of each, oldest index first."""
        ...

    async def newest(self, user_id: UUID, environment: VenueEnvironment, index_id: str) -> IndexVersion | None:
        """The version that is in force; None when the user has no such index, or deleted it."""
        ...

    async def get(
        self, user_id: UUID, environment: VenueEnvironment, index_id: str, version: int
    ) -> IndexVersion | None:
        """One version, of a deleted index too: what it held stays true."""
        ...

    async def heads(self, user_id: UUID, environment: VenueEnvironment, index_id: str) -> Sequence[VersionHead]:
        """All versions, newest first."""
        ...

    async def everybodys(self, environment: VenueEnvironment) -> Sequence[IndexVersion]:
        """The newest version of every user's indices: for reconstitution and levels alone, never for an answer."""
        ...

    async def publish(
        self,
        user_id: UUID,
        environment: VenueEnvironment,
        composition: Composition,
        *,
        recipe: str,
        reason: Reason,
        after: int,
    ) -> IndexVersion:
        """Store version `after` + 1 together with its event; the first one makes the index.

        Raises:
            Conflict: code `version_taken`, when somebody else was faster.
        """
        ...

    async def delete(self, user_id: UUID, environment: VenueEnvironment, index_id: str) -> bool:
        """Take an index away; its versions stay. False when the user has none such."""
        ...
