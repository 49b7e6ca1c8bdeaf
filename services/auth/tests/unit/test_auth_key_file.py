from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from auth.domain.session import Session
from auth.domain.user import Role, User
from auth.outbound.access_tokens import SignedAccessTokens
from auth.outbound.key_file import KeyFile, KeyFileInvalid, read_key_file
from shared.testing import FakeIds
from shared.trading.identifiers import UserId

ROOT = "11" * 32
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ALICE = User(
    user_id=UserId(UUID(int=7)),
    email="alice@example.com",
    role=Role.USER,
    created_at=NOW,
    risk_accepted_at=NOW,
    epoch=3,
)


class AnyEdDsa(JWSRegistry):
    def get_alg(self, name: str) -> Any:
        assert name == "EdDSA"
        return self.algorithms[name]


def a_file(folder: Path, content: str, *, mode: int = 0o600) -> Path:
    path = folder / "key"
    path.write_text(content, "ascii")
    path.chmod(mode)
    return path


def pem(key: Ed25519PrivateKey | RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def tokens(keys: KeyFile) -> SignedAccessTokens:
    return SignedAccessTokens(keys, issuer="urn:basketry:auth", audience="basketry", lifetime_s=600, ids=FakeIds())


def test_hex_and_pem_of_one_key_are_the_same_key(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(ROOT))
    as_hex = read_key_file(a_file(tmp_path, ROOT + "\n"))
    as_pem = read_key_file(a_file(tmp_path, pem(key)))
    assert tokens(as_hex).jwks() == tokens(as_pem).jwks()
    assert as_hex.lookup_key() == as_pem.lookup_key() != as_hex.refresh_key()


@pytest.mark.parametrize(
    "content",
    ["", "11", "zz" * 32, "11" * 33, "{}", '{"root": "11", "current": 1, "live": [1]}',
     json.dumps({"root": ROOT, "current": 3, "live": [1, 2]}), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"],
)  # fmt: skip
def test_a_file_without_a_key_is_refused_without_quoting_it(tmp_path: Path, content: str) -> None:
    with pytest.raises(KeyFileInvalid) as caught:
        read_key_file(a_file(tmp_path, content))
    assert len(content) < 30 or content not in str(caught.value)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileInvalid):
        read_key_file(a_file(tmp_path, pem(generate_private_key(65537, 2048))))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(KeyFileInvalid, match="owner"):
        read_key_file(a_file(tmp_path, ROOT, mode=mode))


def test_a_missing_file_is_noticed_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(KeyFileInvalid):
        read_key_file(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_a_token_holds_what_was_promised_and_lives_ten_minutes() -> None:
    issuer = tokens(KeyFile(bytes.fromhex(ROOT), 1, (1,)))
    text = issuer.issue(ALICE, Session.begin(UUID(int=9), ALICE.user_id, NOW), NOW)
    read = jwt.decode(text, KeySet.import_key_set({"keys": issuer.jwks()}), registry=AnyEdDsa())
    assert read.header == {"alg": "EdDSA", "typ": "at+jwt", "kid": issuer.jwks()[0]["kid"]}
    assert read.claims == {
        "iss": "urn:basketry:auth",
        "aud": "basketry",
        "sub": str(ALICE.user_id),
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 600,
        "jti": str(FakeIds().uuid()),
        "role": "user",
        "sid": str(UUID(int=9)),
        "epoch": 3,
    }


def test_two_keys_can_live_side_by_side_and_the_new_one_signs_when_told() -> None:
    root = bytes.fromhex(ROOT)
    old, both, new = (
        tokens(KeyFile(root, 1, (1,))),
        tokens(KeyFile(root, 1, (1, 2))),
        tokens(KeyFile(root, 2, (1, 2))),
    )
    session = Session.begin(UUID(int=9), ALICE.user_id, NOW)
    assert both.jwks() == new.jwks()
    assert old.jwks()[0] in both.jwks()
    keys = KeySet.import_key_set({"keys": new.jwks()})
    for issuer in (old, both, new):
        assert jwt.decode(issuer.issue(ALICE, session, NOW), keys, registry=AnyEdDsa()).claims["sub"] == str(
            ALICE.user_id
        )


def test_public_keys_hold_no_private_part() -> None:
    [key] = tokens(KeyFile(bytes.fromhex(ROOT), 1, (1,))).jwks()
    assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")
