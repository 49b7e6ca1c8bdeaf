"""Asks Bybit about a key with the key itself: `GET /v5/user/query-api` (v5 docs, user/apikey-info, 2026-07)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import httpx
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from keys.domain.errors import (
    KeyExpired,
    KeyIpNotAllowed,
    KeyRefused,
    KeyRejectedByVenue,
    KeyUnknownToVenue,
    VenueAway,
)
from keys.domain.signing import Signatures, rest_headers
from keys.domain.stored_key import Credentials, KeyFacts
from shared.runtime.bybit.breaker import BAN_PAUSE, VenueBreaker
from shared.runtime.bybit.capabilities import CAPABILITIES
from shared.runtime.bybit.outcomes import Unknown
from shared.runtime.settings import VenueHost, open_host
from shared.trading.clock import Clock, epoch_ms
from shared.trading.status import VenueEnvironment

PATIENCE_S = 5.0
RECV_WINDOW_MS = 5_000
_QUERY_API = "/v5/user/query-api"
_WALLET = "/v5/account/wallet-balance"
_ANYWHERE = "*"

REFUSALS: Mapping[int, type[KeyRefused]] = {
    10003: KeyUnknownToVenue,
    10004: KeyRejectedByVenue,
    10005: KeyRefused,
    10007: KeyRejectedByVenue,
    10008: KeyRefused,
    10010: KeyIpNotAllowed,
    33004: KeyExpired,
    -2015: KeyExpired,
}
"""What the venue's codes say about the key itself; every other code says nothing about it."""


class _Envelope(BaseModel):
    retCode: int  # noqa: N815 - the venue's spelling
    result: dict[str, Any] | None = None


class _ApiKey(BaseModel):
    user_id: str = Field(alias="userID", coerce_numbers_to_str=True, min_length=1)
    read_only: int = Field(alias="readOnly")
    permissions: dict[str, list[str]]
    ips: list[str] = Field(default_factory=list)
    expires_at: AwareDatetime | None = Field(default=None, alias="expiredAt")
    master: bool | None = Field(default=None, alias="isMaster")
    unified: int = Field(default=1, alias="uta")


class BybitKeyVenue:
    """The venue's word about a key.

    Args:
        venues: The environments that the operator opened.
        http: Without proxies from the environment and without redirects.
    """

    def __init__(
        self,
        venues: dict[VenueEnvironment, VenueHost],
        http: httpx.AsyncClient,
        clock: Clock,
        signatures: Signatures,
    ) -> None:
        self._venues = venues
        self._http = http
        self._clock = clock
        self._signatures = signatures
        self._breakers: dict[VenueEnvironment, VenueBreaker] = {}

    def check_open(self, environment: VenueEnvironment) -> None:
        """Pass, when the operator has opened this environment.

        Raises:
            EnvironmentNotOpen: It is switched off here.
        """
        open_host(self._venues, environment)

    async def describe(self, environment: VenueEnvironment, credentials: Credentials) -> KeyFacts:
        """What the venue says about the key.

        Raises:
            EnvironmentNotOpen: The operator has not opened this environment.
            KeyRefused: The venue does not accept it; the code says why.
            VenueAway: No answer that can be understood.
        """
        host = open_host(self._venues, environment)
        breaker = self._breaker(environment)
        if breaker.rest_s:
            raise VenueAway(context={"cause": "venue_paused"})
        if not CAPABILITIES[environment].key_info:
            # Such as the demo venue, which has no query-api: that the key signs is all there is to learn.
            await self._ask(host.rest + _WALLET, "accountType=UNIFIED", credentials, breaker)
            return _unverified(credentials)
        # The venue documents no parameter here, so nothing is signed but time and key. That would fit any call with an
        # empty body: this signature goes to the venue itself and is never handed to anybody.
        return _facts(await self._ask(host.rest + _QUERY_API, "", credentials, breaker))

    def _breaker(self, environment: VenueEnvironment) -> VenueBreaker:
        return self._breakers.setdefault(
            environment, VenueBreaker(pause=BAN_PAUSE, clock=self._clock, host=environment.value)
        )

    async def _ask(self, url: str, query: str, credentials: Credentials, breaker: VenueBreaker) -> dict[str, Any]:
        headers = rest_headers(
            credentials,
            self._signatures,
            payload=query,
            timestamp_ms=epoch_ms(self._clock.now()),
            recv_window_ms=RECV_WINDOW_MS,
        )
        try:
            reply = await self._http.get(f"{url}?{query}" if query else url, headers=headers, timeout=PATIENCE_S)
        except httpx.HTTPError as error:
            # The cause is cut off: its request carries the signed headers.
            raise VenueAway(context={"cause": type(error).__name__}) from None
        breaker.heard(Unknown(reason=f"http_{reply.status_code}", http_status=reply.status_code))
        try:
            answer = _Envelope.model_validate_json(reply.content)
        except ValidationError:
            raise VenueAway(context={"http_status": reply.status_code}) from None
        if answer.retCode == 0:
            return answer.result or {}
        breaker.heard(Unknown(reason=f"code_{answer.retCode}", code=answer.retCode))
        raise _refusal(answer.retCode)


def _refusal(code: int) -> KeyRefused | VenueAway:
    kind = REFUSALS.get(code)
    if kind is None:
        return VenueAway(context={"ret_code": code})
    return kind(context={"ret_code": code})


def _facts(result: dict[str, Any]) -> KeyFacts:
    try:
        found = _ApiKey.model_validate(result)
    except ValidationError:
        raise VenueAway("The venue's answer about this key cannot be understood; nothing was stored.") from None
    if found.unified == 0:
        raise KeyRefused(
            "This venue account is not a Unified Trading Account. Upgrade it at the venue first.",
            code="key_account_not_unified",
        )
    ips = tuple(ip for ip in found.ips if ip != _ANYWHERE)
    return KeyFacts(
        venue_uid=found.user_id,
        permissions=found.permissions,
        read_only=found.read_only != 0,
        ips=ips,
        expires_at=_expiry(found.expires_at, bound=bool(ips)),
        master=found.master,
    )


def _expiry(moment: datetime | None, *, bound: bool) -> datetime | None:
    """Keys bound to addresses do not expire; the venue then shows a moment long past, such as 1970."""
    return None if bound or moment is None or moment.year < 2000 else moment


def _unverified(credentials: Credentials) -> KeyFacts:
    return KeyFacts(
        # Without a user id the key names the account: a second key of it is not recognised.
        venue_uid=f"demo-{sha256(credentials.api_key.reveal()).hexdigest()[:16]}",
        permissions={},
        read_only=False,
        ips=(),
        expires_at=None,
        permissions_known=False,
    )
