"""Secrets of a local Basketry: made once, kept in files that only their owner reads."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from shared.contracts.topology import SERVICES
from shared.runtime.provisioning import PROVISIONER, SCHEMAS, new_seed

DATABASE_ROLES = tuple(dict.fromkeys(role for schema in SCHEMAS for role in schema.roles))
POSTGRES_ADMIN = "postgres_admin"


class Keyring:
    """Opens the secrets of one data folder, and makes those that are missing.

    Args:
        folder: `secrets` below the data folder; mode 0700.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._passwords = self._table("passwords.json", (*DATABASE_ROLES, POSTGRES_ADMIN), _token)
        self._seeds = self._table("nkeys.json", (*SERVICES, PROVISIONER), lambda: new_seed().get_secret_value())
        self.link_key = SecretStr(self._text("link-key", lambda: secrets.token_hex(32)))
        self.paper_admin_token = SecretStr(self._text("paper-admin-token", _token))
        self.demo_password = SecretStr(self._text("demo-password", _token))
        self.kek_file = self._file("kek", lambda: secrets.token_hex(32))
        self.signing_key_file = self._file("auth-signing-key.pem", _ed25519_pem)

    def password(self, role: str) -> SecretStr:
        """A database role's."""
        return SecretStr(self._passwords[role])

    def seed(self, service: str) -> SecretStr:
        """A service's nkey seed."""
        return SecretStr(self._seeds[service])

    def _table(self, name: str, entries: Iterable[str], make: Callable[[], str]) -> dict[str, str]:
        """A file of several secrets; an entry that a newer version needs is added to those that are there."""
        path = self._folder / name
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        missing = [entry for entry in entries if entry not in found]
        if missing:
            found |= {entry: make() for entry in missing}
            self._write(path, json.dumps(found, indent=1))
        return found

    def _text(self, name: str, make: Callable[[], str]) -> str:
        return self._file(name, make).read_text(encoding="utf-8").strip()

    def _file(self, name: str, make: Callable[[], str]) -> Path:
        path = self._folder / name
        if not path.exists():
            self._write(path, make() + "\n")
        return path

    def _write(self, path: Path, content: str) -> None:
        """Whole or not at all: a half-written key would lock its owner out for good."""
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)


def _token() -> str:
    return secrets.token_urlsafe(24)


def _ed25519_pem() -> str:
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode().strip()
