"""Threads and connections to one host, shared by the sessions of all accounts there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from requests.adapters import HTTPAdapter

from shared.runtime.bybit.breaker import BAN_PAUSE, VenueBreaker
from shared.trading.clock import SystemClock


class VenueConnections:
    """Two bounded pools: one for opening orders, one for cancel and query, so that orders never starve a query.

    Args:
        rest: Scheme, host and port of the REST API.
        order_threads: Opening orders in flight at most.
        query_threads: Cancels and queries in flight at most.
        breaker: Keeps all calls from a venue that has banned this address; one of the usual pause by default.
    """

    def __init__(
        self, rest: str, *, order_threads: int = 16, query_threads: int = 16, breaker: VenueBreaker | None = None
    ) -> None:
        self.rest = rest
        self.breaker = breaker or VenueBreaker(pause=BAN_PAUSE, clock=SystemClock(), host=rest)
        self.orders = ThreadPoolExecutor(order_threads, thread_name_prefix="venue-orders")
        self.queries = ThreadPoolExecutor(query_threads, thread_name_prefix="venue-queries")
        # One connection per thread: with the default of ten, threads would open and drop connections all the time.
        self.adapter = HTTPAdapter(pool_connections=1, pool_maxsize=order_threads + query_threads)

    def close(self) -> None:
        """Drop what waits; calls on their way end by their own time-outs."""
        self.orders.shutdown(wait=False, cancel_futures=True)
        self.queries.shutdown(wait=False, cancel_futures=True)
        self.adapter.close()
