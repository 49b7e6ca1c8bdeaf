"""Questions to keys about one signature. No answer holds a secret: the service signs, it does not reveal."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal
from uuid import UUID

from shared.contracts.fields import Contract, Moment, SecretText
from shared.contracts.rpc.keys import KeyRef
from shared.contracts.rpc.verb import RpcVerb


class Lane(StrEnum):
    """Priority of a private call when the venue's limits are scarce, highest first."""

    CANCEL_QUERY = "cancel_query"
    UNWIND = "unwind"
    BUY = "buy"
    POLL = "poll"


class SignRequest(Contract):
    """The exact bytes of one private call to a named endpoint."""

    user_id: UUID
    key_id: UUID
    method: Literal["GET", "POST"]
    path: str
    payload: str
    """The raw query string (GET, without `?`) or the raw body (POST), exactly as it will be sent."""
    recv_window_ms: int
    lane: Lane
    not_after: Moment | None = None
    """No signature is given after this moment (`signature_too_late`): an asker that was held up must not trade late."""


class Signature(Contract):
    """The headers of a signed call, or when to ask again: exactly one of the two is set."""

    headers: dict[str, str] | None = None
    """`X-BAPI-API-KEY`, `X-BAPI-TIMESTAMP`, `X-BAPI-RECV-WINDOW`, `X-BAPI-SIGN`."""
    timestamp_ms: int | None = None
    """The signed time: with the receive window it bounds when the venue may still accept the call."""
    retry_after_ms: int | None = None
    retry_reason: Literal["venue_rate", "egress_rate", "ceilings_pending"] | None = None


class StreamLogin(Contract):
    """Arguments of the private stream's `auth` operation; valid for a second."""

    api_key: str
    expires_ms: int
    signature: SecretText


SIGN = RpcVerb("keys", "sign", SignRequest, Signature, callers=("execution",), timeout_s=3.0)
SIGN_READ = RpcVerb("keys", "sign_read", SignRequest, Signature, callers=("reconciler",), timeout_s=3.0)
SIGN_STREAM = RpcVerb("keys", "sign_stream", KeyRef, StreamLogin, callers=("execution",), timeout_s=3.0)
VERBS = (SIGN, SIGN_READ, SIGN_STREAM)
