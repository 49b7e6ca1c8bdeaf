"""Who is calling: signatures over the bytes exactly as they came, the time rule, addresses, rights."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from paper_exchange.application.accounts import OWN_ENVIRONMENT
from paper_exchange.application.ports import RsaKeys
from paper_exchange.domain.account import ApiKey
from paper_exchange.domain.digits import is_whole
from paper_exchange.domain.refusal import PERMISSION_DENIED, Refused, Unsigned

FUTURE_MS = 1_000
DEFAULT_WINDOW_MS = "5000"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCall:
    """The four headers, the payload that was signed (raw query or raw body), and where it came from."""

    api_key: str
    timestamp: str
    signature: str
    recv_window: str
    payload: bytes
    address: str


class Doorkeeper:
    """Lets in who signed with a key that works.

    Args:
        keys: Every key by its name.
        rsa: Checks the signatures of RSA keys.
    """

    def __init__(self, keys: Mapping[str, ApiKey], rsa: RsaKeys) -> None:
        self._keys = keys
        self._rsa = rsa

    def admit(self, call: SignedCall, *, now_ms: int) -> ApiKey:
        """Check a signed call.

        Raises:
            Refused: 10001, 10002, 10003, 10004, 10010 or 33004, in the venue's words.
        """
        if not (call.api_key and call.timestamp and call.signature):
            raise Unsigned(
                10001,
                f"empty value: apiTimestamp[{call.timestamp}] apiKey[{call.api_key}] "
                f"apiSignature[{call.signature}]: openapi sign params error!",
            )
        key = known_key(call.api_key, self._keys)
        check_time(call.timestamp, call.recv_window or DEFAULT_WINDOW_MS, now_ms=now_ms)
        origin = f"{call.timestamp}{call.api_key}{call.recv_window}".encode() + call.payload
        self._check_signature(key, origin, call.signature)
        check_terms(key, address=call.address, now_ms=now_ms)
        return key

    def readmit(self, key: ApiKey, call: SignedCall, *, now_ms: int) -> ApiKey:
        """Check a call on a connection that has signed in: the key as it is now, its terms, the time rule; no signature.

        Raises:
            Refused: 10001, 10002, 10003, 10010 or 33004.
        """
        key = known_key(key.api_key, self._keys)
        check_time(call.timestamp, call.recv_window or DEFAULT_WINDOW_MS, now_ms=now_ms)
        check_terms(key, address=call.address, now_ms=now_ms)
        return key

    def sign_in(self, args: object, *, address: str, now_ms: int) -> ApiKey:
        """Check how a socket signs in: key, moment until which the signature holds, signature.

        Raises:
            Refused: 10001, 10002, 10003, 10004, 10010 or 33004.
        """
        if not isinstance(args, list) or len(args) != 3:
            raise Refused(10001, "Param error")
        api_key, expires, signature = (str(arg) for arg in args)
        key = known_key(api_key, self._keys)
        if not is_whole(expires, longest=16) or int(expires) <= now_ms:
            raise Refused(10002, "expires must be later than now")
        self._check_signature(key, f"GET/realtime{expires}".encode(), signature)
        check_terms(key, address=address, now_ms=now_ms)
        return key

    def _check_signature(self, key: ApiKey, origin: bytes, signature: str) -> None:
        """RSA-SHA256 in base64 for an RSA key, else HMAC-SHA256 in hex."""
        if key.rsa_public_key:
            fits = self._rsa.fits(key.rsa_public_key, origin, signature)
        else:
            expected = hmac.new(key.api_secret.encode(), origin, hashlib.sha256).hexdigest()
            fits = hmac.compare_digest(expected.encode(), signature.encode())
        if not fits:
            raise Refused(10004, "Error sign, please check your signature generation algorithm.")


def known_key(api_key: str, keys: Mapping[str, ApiKey]) -> ApiKey:
    """The key, if it is one of this environment.

    Raises:
        Refused: 10003.
    """
    key = keys.get(api_key)
    if key is None or key.environment != OWN_ENVIRONMENT:
        raise Refused(10003, "API key is invalid.")
    return key


def check_time(timestamp: str, window: str, *, now_ms: int) -> None:
    """The time rule: server − window ≤ timestamp < server + 1 s.

    Raises:
        Refused: 10002, or 10001 when these are no numbers.
    """
    if not (is_whole(timestamp, longest=16) and is_whole(window, longest=9)):
        raise Refused(10001, "params error: timestamp and recv_window must be numbers")
    if not now_ms - int(window) <= int(timestamp) < now_ms + FUTURE_MS:
        raise Refused(
            10002,
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{timestamp}],server_timestamp[{now_ms}],recv_window[{window}]",
        )


def check_terms(key: ApiKey, *, address: str, now_ms: int) -> None:
    """Address and expiry.

    Raises:
        Refused: 10010 or 33004.
    """
    if "*" not in key.ips and address not in key.ips:
        raise Refused(10010, f"Unmatched IP, please check your API key's bound IP addresses. ({address})")
    if key.expires_ms and key.expires_ms <= now_ms:
        raise Refused(33004, "Your api key has expired.")


def check_may_trade(key: ApiKey) -> None:
    """The right to place and cancel spot orders.

    Raises:
        Refused: 10005.
    """
    if not key.may_trade_spot:
        raise Refused(*PERMISSION_DENIED)
