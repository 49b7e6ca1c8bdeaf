"""Runs one signed call through a worker thread and turns whatever happens into an outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import requests

from shared.contracts.rpc.signing import Lane
from shared.runtime.bybit import judgement
from shared.runtime.bybit.breaker import VenueBreaker
from shared.runtime.bybit.calls import AbandonedError, AskAgainError, Call, NotSentError, RawReply
from shared.runtime.bybit.http import RemoteSignedHTTP
from shared.runtime.bybit.outcomes import NotSent, Unknown
from shared.trading.errors import Throttled, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTimes:
    """Bounds of one call, in seconds.

    Attributes:
        governor_patience_s: How long to wait for the rate governor in all.
        deadline_s: How long to wait for one try, the queue for a thread included.
    """

    governor_patience_s: float = 15.0
    deadline_s: float = 20.0


class CallDesk:
    """Sends calls of one account.

    Args:
        http: The account's client.
        times: Bounds of each call.
        breaker: Of the host: while it rests nothing is signed and nothing is sent.
    """

    def __init__(self, http: RemoteSignedHTTP, times: CallTimes, breaker: VenueBreaker) -> None:
        self._http = http
        self._times = times
        self._breaker = breaker

    async def send(
        self, pool: Executor, request: Callable[[], Any], *, lane: Lane, recv_window_ms: int
    ) -> tuple[Call, RawReply | Unknown | NotSent]:
        """Send one call; asks again while the rate governor says "later", without holding a thread meanwhile."""
        loop = asyncio.get_running_loop()
        patience_ends = loop.time() + self._times.governor_patience_s
        while True:
            call = Call(lane=lane, recv_window_ms=recv_window_ms)
            paused = self._breaker.refusal
            if paused is not None:
                return call, NotSent(error=paused)
            try:
                return call, await self._once(pool, call, request)
            except AskAgainError as later:
                pause_s = max(later.after_ms, 1) / 1000
                if loop.time() + pause_s > patience_ends:
                    error = Throttled(
                        "The rate governor had no room in time; nothing was sent.",
                        code=later.reason,
                        retry_after_s=pause_s,
                    )
                    return call, NotSent(error=error)
                await asyncio.sleep(pause_s)

    async def _once(self, pool: Executor, call: Call, request: Callable[[], Any]) -> RawReply | Unknown | NotSent:
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(pool, self._http.perform, call, request)
        try:
            # Not wait_for: before Python 3.12 it loses a cancellation that meets the result.
            async with asyncio.timeout(self._times.deadline_s):
                return await running
        except TimeoutError:
            return self._deadline(call)
        except asyncio.CancelledError:
            call.abandon()
            raise
        except NotSentError as error:
            return NotSent(error=error.error)
        except AbandonedError:
            return self._deadline(call)
        except requests.RequestException as error:
            return judgement.transport(call, error)

    def _deadline(self, call: Call) -> Unknown | NotSent:
        if call.abandon():
            return Unknown(timestamp_ms=call.timestamp_ms, recv_window_ms=call.recv_window_ms, reason="deadline")
        return NotSent(error=Unavailable("No thread was free in time; nothing was sent.", code="venue_busy"))
