"""Prices of what is about to be traded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from execution.application.ports import Market
from shared.trading.errors import Unavailable
from shared.trading.quote import Quote
from shared.trading.status import VenueEnvironment


class Traded(Protocol):
    """A leg, or a plan's line."""

    @property
    def symbol(self) -> str:
        """The venue's name of the pair."""
        ...


async def quotes_of(market: Market, environment: VenueEnvironment, legs: Sequence[Traded]) -> Mapping[str, Quote]:
    """Best prices by symbol; none when nobody answers.

    No price is no reason to guess: the legs wait for one, or end at their bound.
    """
    try:
        return await market.quotes(environment, {leg.symbol for leg in legs})
    except Unavailable:
        return {}
