"""Asks market-data for prices and rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from reconciler.domain.results import Level
from reconciler.outbound.questions import Questions
from shared.contracts.rpc import market_data as contract
from shared.trading.clock import Clock
from shared.trading.quote import Quote
from shared.trading.status import VenueEnvironment

LOTS_FOR_S = 600.0
"""Rules are asked for again after this long: the venue changes them twice a month at most."""


class RpcMarket:
    """Quotes as they are, lot sizes kept for ten minutes.

    Args:
        ask: Where to ask.
    """

    def __init__(self, ask: Questions, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._lots: dict[VenueEnvironment, tuple[float, dict[str, Decimal]]] = {}

    async def quotes(self, environment: VenueEnvironment, symbols: Collection[str]) -> Mapping[str, Quote]:
        """Quotes by symbol; all of the environment for an empty list."""
        request = contract.GetSymbols(environment=environment, symbols=sorted(symbols))
        reply = await self._ask.ask(contract.GET_QUOTES, request)
        return {item.symbol: item.to_domain() for item in reply.items}

    async def lots(self, environment: VenueEnvironment, symbols: Collection[str]) -> Mapping[str, Decimal]:
        """Smallest step of quantity by symbol, base units."""
        known_at, lots = self._lots.get(environment, (float("-inf"), {}))
        if self._clock.monotonic() - known_at > LOTS_FOR_S or not lots.keys() >= set(symbols):
            request = contract.GetSymbols(environment=environment, symbols=[])
            reply = await self._ask.ask(contract.GET_INSTRUMENTS, request)
            lots = {item.symbol: item.lot_size for item in reply.items}
            self._lots[environment] = (self._clock.monotonic(), lots)
        return lots


class RpcIndexLevels:
    """The levels of indices.

    Args:
        ask: Where to ask.
    """

    def __init__(self, ask: Questions) -> None:
        self._ask = ask

    async def levels(
        self, *, user_id: UUID, environment: VenueEnvironment, index_id: str, since: datetime
    ) -> Sequence[Level]:
        """By time, from the one that stood at `since`: old levels are a day apart."""
        request = contract.GetLevels(
            user_id=user_id, environment=environment, index_id=index_id, since=since - timedelta(days=2)
        )
        reply = await self._ask.ask(contract.GET_LEVELS, request)
        return [Level(at=item.at, level=item.level) for item in reply.items]
