"""Rate limits per address, account and user, told in headers (RateLimit, RateLimit-Policy, Retry-After)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import ceil

from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from shared.trading.errors import Throttled

DEFAULTS: dict[str, str] = {
    "address": "6000/minute",
    "sign_in_address": "120/minute",
    "sign_in_account": "10/minute;60/hour",
    "register_address": "60/minute",
    "user": "6000/minute",
    "trade": "6000/minute",
    "keys": "60/minute",
    "streams": "120/minute",
    "export": "60/minute",
    "nameless_sockets": "600/minute",
}
"""Name of a limit → what one caller may do; each replica counts for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a caller stands with the window that is closest to its end."""

    name: str
    quota: int
    window_s: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """As the answer tells it."""
        return {
            "ratelimit-policy": f'"{self.name}";q={self.quota};w={self.window_s}',
            "ratelimit": f'"{self.name}";r={self.remaining};t={self.reset_s}',
        }


class TooMany(Throttled):
    """The caller's share of this window is used up."""

    code = "rate_limited"
    title = "Too many requests"


class Limits:
    """Counts hits by limit and caller; a caller is remembered only as a hash.

    Args:
        quotas: Overrides of `DEFAULTS`, such as `{"trade": "10/second"}`.
    """

    def __init__(self, quotas: Mapping[str, str] | None = None) -> None:
        self._items: dict[str, list[RateLimitItem]] = {
            name: parse_many(text) for name, text in {**DEFAULTS, **(quotas or {})}.items()
        }
        self._counter = FixedWindowRateLimiter(MemoryStorage())

    async def hit(self, name: str, caller: str) -> Standing:
        """Count one request.

        Raises:
            TooMany: the window is full; says when it opens again.
        """
        who = sha256(caller.encode()).hexdigest()[:32]
        standings = [await self._one(name, item, who) for item in self._items[name]]
        return min(standings, key=lambda one: one.remaining)

    async def _one(self, name: str, item: RateLimitItem, who: str) -> Standing:
        allowed = await self._counter.hit(item, name, who)
        window = await self._counter.get_window_stats(item, name, who)
        standing = Standing(
            name=name,
            quota=item.amount,
            window_s=item.get_expiry(),
            remaining=max(0, window.remaining),
            reset_s=max(0, ceil(window.reset_time - time.time())),
        )
        if not allowed:
            raise TooMany(
                f"At most {item.amount} requests in {item.get_expiry()} s; try again in {standing.reset_s} s.",
                context={"limit": name},
                retry_after_s=float(max(1, standing.reset_s)),
            )
        return standing
