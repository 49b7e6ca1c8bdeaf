"""Bybit's signature (v5 guide, authentication): over timestamp, key, receive window and the raw bytes."""

from __future__ import annotations

from typing import Protocol

from keys.domain.stored_key import Credentials

STREAM_LIFE_MS = 1000
"""A stream login is good for a second: whoever finds it later cannot use it."""


class Signatures(Protocol):
    """Signs a text the way the key's kind wants it."""

    def of(self, credentials: Credentials, text: str) -> str:
        """HMAC-SHA256 in lower-case hex, or RSA-SHA256 (PKCS #1 v1.5) in base64."""
        ...


def rest_headers(
    credentials: Credentials, signatures: Signatures, *, payload: str, timestamp_ms: int, recv_window_ms: int
) -> dict[str, str]:
    """The four headers of a signed REST call; `payload` is the raw query string or body, exactly as sent."""
    api_key = credentials.api_key.reveal_text()
    return {
        "X-BAPI-API-KEY": api_key,
        "X-BAPI-TIMESTAMP": str(timestamp_ms),
        "X-BAPI-RECV-WINDOW": str(recv_window_ms),
        "X-BAPI-SIGN": signatures.of(credentials, f"{timestamp_ms}{api_key}{recv_window_ms}{payload}"),
    }


def stream_signature(credentials: Credentials, signatures: Signatures, *, expires_ms: int) -> str:
    """The signature of the private stream's `auth` operation."""
    return signatures.of(credentials, f"GET/realtime{expires_ms}")
