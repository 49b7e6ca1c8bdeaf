"""The simulated feed: a seeded, correlated random walk with calm and stormy times and sudden gaps."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Sequence
from statistics import NormalDist

from paper_exchange.domain.listing import Listing
from paper_exchange.domain.price_board import FINE, PriceBoard

__all__ = ["FINE", "PriceWalk"]

COMMON_SHARE = 0.7
"""Weight of the market's own mood in each coin's move: crypto prices move together."""

PULL_PER_DAY = 0.5
"""How strongly a price is drawn back to its base, so that a world left running for weeks stays sane."""

DAY_S = 86_400
REGIMES = ((1.0, 14_400.0), (0.5, 21_600.0), (2.2, 2_700.0))
"""Normal, calm, stormy: the factor on every coin's volatility, and how long it lasts on average, seconds."""

GAP_BPS = (200, 800)
"""A gap is a move of so much at once, up or down."""

DRAWS = 4_096


def _normal_draws() -> tuple[float, ...]:
    """Normal quantiles, rounded: a draw is a place in this table, the same on every machine."""
    normal = NormalDist()
    return tuple(round(normal.inv_cdf((place + 0.5) / DRAWS), 6) for place in range(DRAWS))


class PriceWalk(PriceBoard):
    """Mid prices that move by themselves.

    The randomness is a float, the price never is: each move is cut to whole fine units.

    Args:
        listings: What is listed; the order is part of the seed.
        rng: The only source of randomness.
        gaps_per_day: How many gaps a pair has a day on average.
    """

    def __init__(self, listings: Sequence[Listing], rng: random.Random, *, gaps_per_day: float = 0.0) -> None:
        super().__init__(listings)
        self._rng = rng
        self._draws = _normal_draws()
        self._walkers = [
            (listing.symbol, listing.daily_volatility_bps / 10_000 / math.sqrt(DAY_S), self._base[listing.symbol])
            for listing in self._own
        ]
        self._noise = struct.Struct(f"<{len(self._walkers)}H")
        self._gaps_per_s = gaps_per_day * len(self._walkers) / DAY_S
        self._regime = 0

    def step(self, seconds: float, *, now_ms: int = 0) -> None:
        """Move every price by a time step of `seconds`; the time of day does not matter to a walk."""
        del now_ms
        self._change_regime(seconds)
        scale = math.sqrt(seconds) * REGIMES[self._regime][0]
        pull = PULL_PER_DAY * seconds / DAY_S
        draws = self._draws
        mood = draws[self._rng.getrandbits(12)] * COMMON_SHARE
        rest = math.sqrt(1 - COMMON_SHARE**2)
        mid = self._mid
        noise = self._noise.unpack(self._rng.randbytes(self._noise.size))
        for (symbol, sigma, base), draw in zip(self._walkers, noise, strict=True):
            now = mid[symbol]
            fresh = now + int(now * (sigma * scale * (mood + rest * draws[draw & 4_095])) + pull * (base - now))
            mid[symbol] = fresh if fresh > FINE else FINE  # noqa: FURB136 - a call of max costs as much as the rest
        if self._gaps_per_s and self._rng.random() < self._gaps_per_s * seconds:
            self._gap()
        self._follow()

    def _change_regime(self, seconds: float) -> None:
        if self._rng.random() < seconds / REGIMES[self._regime][1]:
            self._regime = (self._regime + 1 + self._rng.getrandbits(1)) % len(REGIMES)

    def _gap(self) -> None:
        symbol, _, _ = self._walkers[self._rng.randrange(len(self._walkers))]
        bps = self._rng.randint(*GAP_BPS) * (1 if self._rng.getrandbits(1) else -1)
        self.set_fine(symbol, self._mid[symbol] * (10_000 + bps) // 10_000)
