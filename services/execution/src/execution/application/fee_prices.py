"""Prices of the coins in which the venue took fees, asked for before a match is booked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import structlog

from execution.application.ports import Account, Market
from execution.domain.fee_price import FeePrice, third_coin
from execution.domain.venue_facts import ExecutionFact, Fact
from shared.trading.clock import Clock
from shared.trading.errors import PlatformError
from shared.trading.money import QUOTE_ASSET, ZERO

log = structlog.get_logger(__name__)


class FeePrices:
    """Asks only for coins that are in no pair of the match: almost never."""

    def __init__(self, market: Market, clock: Clock) -> None:
        self._market = market
        self._clock = clock

    async def of(self, account: Account, facts: Iterable[Fact]) -> Mapping[str, FeePrice]:
        """Prices by coin; a coin without a price is left out, and no trouble here keeps a match from the books."""
        executions = (fact for fact in facts if isinstance(fact, ExecutionFact))
        coins = {coin for coin in map(third_coin, executions) if coin is not None}
        if not coins:
            return {}
        try:
            quotes = await self._market.quotes(account.environment, {f"{coin}{QUOTE_ASSET}" for coin in coins})
        except PlatformError as error:
            log.warning("fee_prices_unknown", account_id=str(account.account_id), reason=error.code)
            return {}
        now = self._clock.now()
        found = {}
        for coin in coins:
            quote = quotes.get(f"{coin}{QUOTE_ASSET}")
            price, stale = quote.mark(now) if quote is not None else (ZERO, True)
            if price > ZERO:
                found[coin] = FeePrice(price=price, stale=stale)
        return found
