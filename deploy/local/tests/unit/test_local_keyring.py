from __future__ import annotations

import json
import stat
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from basketry_local.keyring import DATABASE_ROLES, Keyring


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    first, second = Keyring(folder), Keyring(folder)
    assert first.link_key == second.link_key
    assert first.password("execution") == second.password("execution")
    assert first.seed("keys") == second.seed("keys")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_no_two_roles_share_a_password(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "secrets")
    assert len({keyring.password(role).get_secret_value() for role in DATABASE_ROLES}) == len(DATABASE_ROLES)


def test_a_newer_version_adds_what_is_missing_and_keeps_the_rest(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    before = Keyring(folder).password("keys")
    path = folder / "passwords.json"
    table = json.loads(path.read_text())
    del table["execution"]
    path.write_text(json.dumps(table))
    after = Keyring(folder)
    assert after.password("keys") == before
    assert after.password("execution").get_secret_value()


def test_the_signing_key_is_ed25519_and_the_kek_has_256_bits(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "secrets")
    key = load_pem_private_key(keyring.signing_key_file.read_bytes(), None)
    assert type(key).__name__ == "Ed25519PrivateKey"
    assert len(bytes.fromhex(keyring.kek_file.read_text().strip())) == 32


def test_nothing_of_it_shows_in_a_repr(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "secrets")
    shown = repr([keyring.link_key, keyring.password("keys"), keyring.seed("keys"), keyring.demo_password])
    assert keyring.link_key.get_secret_value() not in shown
    assert keyring.seed("keys").get_secret_value() not in shown
