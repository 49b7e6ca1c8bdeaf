"""Asks market-data for prices and rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from reconciler.domain.results import Level
from reconciler.outbound.questions import Questions
from shared.contracts.rpc import market_data as contract
from shared.trading.clock import Clock
from shared.trading.quote import Quote
from shared.trading.status import VenueEnvironment

RULES_FOR_S = 60.0
"""Rules are asked for again after this long: a pair that is halted is to be seen soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """What the venue lists, as it was at a moment of our monotonic clock."""

    known_at: float
    lots: Mapping[str, Decimal]
    listing: Mapping[str, bool]


class RpcMarket:
    """Quotes as they are, the venue's rules kept for a minute.

    Args:
        ask: Where to ask.
    """

    def __init__(self, ask: Questions, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._rules: dict[VenueEnvironment, _Rules] = {}

    async def quotes(self, environment: VenueEnvironment, symbols: Collection[str]) -> Mapping[str, Quote]:
        """Quotes by symbol; all of the environment for an empty list."""
        request = contract.GetQuotes(environment=environment, symbols=sorted(symbols))
        reply = await self._ask.ask(contract.GET_QUOTES, request)
        return {item.symbol: item.to_domain() for item in reply.items}

    async def lots(self, environment: VenueEnvironment, symbols: Collection[str]) -> Mapping[str, Decimal]:
        """Smallest step of quantity by symbol, base units."""
        lots = (await self._current(environment)).lots
        return {symbol: lots[symbol] for symbol in symbols if symbol in lots}

    async def listing(self, environment: VenueEnvironment) -> Mapping[str, bool]:
        """Every listed symbol, and whether the venue takes orders for it now."""
        return (await self._current(environment)).listing

    async def _current(self, environment: VenueEnvironment) -> _Rules:
        rules = self._rules.get(environment)
        if rules is None or self._clock.monotonic() - rules.known_at > RULES_FOR_S:
            request = contract.GetSymbols(environment=environment, symbols=[])
            rows = (await self._ask.ask(contract.GET_INSTRUMENTS, request)).items
            rules = self._rules[environment] = _Rules(
                known_at=self._clock.monotonic(),
                lots={row.symbol: row.lot_size for row in rows},
                listing={row.symbol: row.trading for row in rows},
            )
        return rules


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
