"""Prices of what is about to be traded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from execution.application.ports import Market
from shared.trading.errors import Unavailable
from shared.trading.quote import Quote
from shared.trading.status import VenueEnvironment

PLANNED_LIMITS_S = 15.0
"""A plan is made with price limits no older than this, seconds; those that the price has left are asked for anyway."""
REFUSED_LIMITS_S = 1.0
"""What is tried again is kept inside limits of this moment: the ones before may be why it is."""


class Traded(Protocol):
    """A leg, or a plan's line."""

    @property
    def symbol(self) -> str:
        """The venue's name of the pair."""
        ...


async def quotes_of(
    market: Market, environment: VenueEnvironment, legs: Sequence[Traded], *, limits_age_s: float | None = None
) -> Mapping[str, Quote]:
    """Best prices by symbol, with price limits as young as is asked for; none when nobody answers.

    No price is no reason to guess: the legs wait for one, or end at their bound.
    """
    try:
        return await market.quotes(environment, {leg.symbol for leg in legs}, limits_age_s=limits_age_s)
    except Unavailable:
        return {}
