"""Bybit's signature (v5 guide, authentication): HMAC-SHA256 over timestamp, key, receive window and the raw bytes."""

from __future__ import annotations

import hmac
from hashlib import sha256

from keys.domain.stored_key import Credentials

STREAM_LIFE_MS = 1000
"""A stream login is good for a second: whoever finds it later cannot use it."""


def rest_headers(credentials: Credentials, *, payload: str, timestamp_ms: int, recv_window_ms: int) -> dict[str, str]:
    """The four headers of a signed REST call; `payload` is the raw query string or body, exactly as sent."""
    api_key = credentials.api_key.reveal_text()
    return {
        "X-BAPI-API-KEY": api_key,
        "X-BAPI-TIMESTAMP": str(timestamp_ms),
        "X-BAPI-RECV-WINDOW": str(recv_window_ms),
        "X-BAPI-SIGN": _hmac(credentials, f"{timestamp_ms}{api_key}{recv_window_ms}{payload}"),
    }


def stream_signature(credentials: Credentials, *, expires_ms: int) -> str:
    """The signature of the private stream's `auth` operation."""
    return _hmac(credentials, f"GET/realtime{expires_ms}")


def _hmac(credentials: Credentials, text: str) -> str:
    return hmac.new(credentials.api_secret.reveal(), text.encode(), sha256).hexdigest()
