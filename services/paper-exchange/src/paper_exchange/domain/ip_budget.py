"""The budget of an address over all REST paths, and the ban that follows when it is overdrawn."""

from __future__ import annotations

from collections import deque

KEPT_ADDRESSES = 10_000


class IpBudget:
    """Requests of each address over a rolling window.

    Args:
        requests: How many an address may send within a window; 0 means no limit.
        window_ms: Length of the window.
        ban_ms: How long an address that sent more is shut out.
        spared: Addresses that are not counted.
    """

    def __init__(
        self,
        requests: int = 600,
        *,
        window_ms: int = 5_000,
        ban_ms: int = 600_000,
        spared: frozenset[str] = frozenset(),
    ) -> None:
        self._spared = spared
        self._requests = requests
        self._window_ms = window_ms
        self._ban_ms = ban_ms
        self._seen: dict[str, deque[int]] = {}
        self._banned_until: dict[str, int] = {}

    def allows(self, address: str, *, now_ms: int) -> bool:
        """Count a request; False when the address is shut out, by this request or still."""
        if not self._requests or address in self._spared:
            return True
        until = self._banned_until.get(address)
        if until is not None:
            if now_ms < until:
                return False
            del self._banned_until[address]
        seen = self._seen.get(address)
        if seen is None:
            seen = self._seen[address] = self._fresh(now_ms)
        while seen and seen[0] <= now_ms - self._window_ms:
            seen.popleft()
        if len(seen) >= self._requests:
            self._banned_until[address] = now_ms + self._ban_ms
            del self._seen[address]
            return False
        seen.append(now_ms)
        return True

    def _fresh(self, now_ms: int) -> deque[int]:
        if len(self._seen) >= KEPT_ADDRESSES:
            idle = [name for name, seen in self._seen.items() if not seen or seen[-1] <= now_ms - self._window_ms]
            for name in idle:
                del self._seen[name]
        return deque()
