"""One call on its way from the loop, through a worker thread, to the venue."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Protocol

from shared.contracts.rpc.signing import Lane, Signature
from shared.trading.errors import PlatformError


class Signer(Protocol):
    """Signs the exact bytes of one private call; in production a question to keys (`sign` or `sign_read`)."""

    async def sign(self, *, method: str, path: str, payload: str, recv_window_ms: int, lane: Lane) -> Signature:
        """The signature, or when to ask again.

        Args:
            method: `GET` or `POST`.
            path: Such as `/v5/order/create`, without the query.
            payload: The raw query string or the raw body, as it will be sent.
            recv_window_ms: How long the venue may accept the call after the signed time.
            lane: Priority when the venue's limits are scarce.

        Raises:
            PlatformError: No signature: policy, limits, or keys is away. Nothing was sent.
        """
        ...


class AskAgainError(Exception):
    """The rate governor wants the call later; nothing was sent.

    Args:
        after_ms: Milliseconds to wait.
    """

    def __init__(self, after_ms: int, reason: str) -> None:
        super().__init__(reason)
        self.after_ms = after_ms
        self.reason = reason


class NotSentError(Exception):
    """The call ended before a byte left.

    Args:
        error: Why.
    """

    def __init__(self, error: PlatformError) -> None:
        super().__init__(error.detail)
        self.error = error


class AbandonedError(Exception):
    """The caller stopped waiting before the call was signed: it must not be sent any more."""


class Call:
    """Carries a call's lane and window to the thread, and the signed time back.

    The lock decides the race between "sent" and "given up": after `abandon` answered False nothing will be sent.
    """

    def __init__(self, *, lane: Lane, recv_window_ms: int) -> None:
        self.lane = lane
        self.recv_window_ms = recv_window_ms
        self.timestamp_ms: int | None = None
        self._lock = threading.Lock()
        self._left = False
        self._abandoned = False

    def leave(self, timestamp_ms: int | None) -> None:
        """Note that the bytes are about to leave.

        Raises:
            AbandonedError: The caller gave up first.
        """
        with self._lock:
            if self._abandoned:
                raise AbandonedError
            self._left = True
            self.timestamp_ms = timestamp_ms

    def abandon(self) -> bool:
        """Give up; True when the bytes have left already."""
        with self._lock:
            self._abandoned = True
            return self._left


@dataclass(frozen=True, slots=True, kw_only=True)
class RawReply:
    """What came back, unread."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
