"""Signatures, the time rule, addresses, expiry."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from paper_exchange.application.accounts import KeyTerms
from paper_exchange.application.authenticate import Doorkeeper, SignedCall, check_may_trade
from paper_exchange.domain.account import ApiKey
from paper_exchange.domain.refusal import Refused
from paper_exchange.outbound.rsa_signatures import RsaSignatures

NOW = 1_800_000_000_000
KEY = ApiKey(uid="1", key_id="2", api_key="K", api_secret="S", rsa_public_key="", permissions={"Spot": ("SpotTrade",)},
             read_only=False, ips=("*",), environment="paper", note="", expires_ms=0, created_ms=0)  # fmt: skip


def signed(
    payload: bytes = b"a=1&b=%3A", *, timestamp: int = NOW, window: str = "5000", **changes: object
) -> SignedCall:
    origin = f"{timestamp}K{window}".encode() + payload
    call = SignedCall(
        api_key="K",
        timestamp=str(timestamp),
        signature=hmac.new(b"S", origin, hashlib.sha256).hexdigest(),
        recv_window=window,
        payload=payload,
        address="127.0.0.1",
    )
    return dataclasses.replace(call, **changes)  # type: ignore[arg-type]


def code_of(call: SignedCall, key: ApiKey = KEY) -> int:
    try:
        Doorkeeper({"K": key}, RsaSignatures()).admit(call, now_ms=NOW)
    except Refused as refused:
        return refused.ret_code
    return 0


def test_a_good_signature_over_the_raw_bytes_is_taken() -> None:
    assert code_of(signed()) == 0
    assert code_of(signed(b'{"a": "b", "c":1}')) == 0


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (signed(payload=b"a=1&b=:", signature=signed().signature), 10004),
        (signed(signature="0" * 64), 10004),
        (signed(signature="é"), 10004),
        (signed(api_key="other"), 10003),
        (signed(signature=""), 10001),
        (signed(timestamp=NOW - 5000), 0),
        (signed(timestamp=NOW - 5001), 10002),
        (signed(timestamp=NOW + 999), 0),
        (signed(timestamp=NOW + 1000), 10002),
        (signed(timestamp=NOW + 1000, window="60000"), 10002),
    ],
)
def test_each_fault_has_its_code(call: SignedCall, code: int) -> None:
    assert code_of(call) == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"environment": "testnet"}, 10003),
        ({"ips": ("10.0.0.1",)}, 10010),
        ({"ips": ("10.0.0.1", "127.0.0.1")}, 0),
        ({"expires_ms": NOW}, 33004),
        ({"expires_ms": NOW + 1}, 0),
    ],
)
def test_a_keys_terms_are_held(change: dict[str, object], code: int) -> None:
    assert code_of(signed(), dataclasses.replace(KEY, **change)) == code  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"read_only": True}, {"permissions": {"Wallet": ("Withdraw",)}}])
def test_without_the_right_to_trade_nothing_is_placed(change: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        check_may_trade(dataclasses.replace(KEY, **change))  # type: ignore[arg-type]
    assert refused.value.ret_code == 10005


def test_an_rsa_key_signs_in_base64() -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    key = dataclasses.replace(KEY, rsa_public_key=pem.decode())
    signature = private.sign(f"{NOW}K5000".encode() + b"x=1", padding.PKCS1v15(), hashes.SHA256())
    good = signed(b"x=1", signature=base64.b64encode(signature).decode())
    assert code_of(good, key) == 0
    assert code_of(dataclasses.replace(good, payload=b"x=2"), key) == 10004
    assert code_of(signed(b"x=1"), key) == 10004


def test_a_key_shows_no_secret() -> None:
    assert "api_secret" not in repr(KEY)


@pytest.mark.parametrize("pem", ["no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_public_key_that_is_none_fits_nothing_and_is_not_taken(floor: Any, pem: str) -> None:
    assert code_of(signed(), dataclasses.replace(KEY, rsa_public_key=pem)) == 10004
    with pytest.raises(Refused):
        floor.accounts.open({}, KeyTerms(rsa_public_key=pem))
    assert not floor.ledger.accounts


@pytest.mark.parametrize(("timestamp", "window"), [("²" * 13, "5000"), (str(NOW), "²"), (str(NOW), "٥")])
def test_digits_that_are_no_numbers_are_refused(timestamp: str, window: str) -> None:
    assert code_of(dataclasses.replace(signed(), timestamp=timestamp, recv_window=window)) == 10001
