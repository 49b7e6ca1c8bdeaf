"""The key file: one root, from which the signing keys and the service's own secrets are derived."""

from __future__ import annotations

import json
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import load_pem_private_key

KEY_BYTES = 32
MOST_LIVE = 4


class KeyFileInvalid(ValueError):
    """The file is missing, readable for others, or not in our format; the service does not start."""


@dataclass(frozen=True, slots=True, repr=False)
class KeyFile:
    """What the file says.

    Attributes:
        root: 32 bytes; version 1 signs with it, everything else is derived from it.
        current: Version that signs.
        live: Versions whose public keys are published; a new one goes in here before it becomes `current`.
    """

    root: bytes
    current: int
    live: Sequence[int]

    def signing_key(self, version: int) -> Ed25519PrivateKey:
        """The private key of a version."""
        return Ed25519PrivateKey.from_private_bytes(self.root if version == 1 else self._derive(f"signing {version}"))

    def refresh_key(self) -> bytes:
        """Makes the successors of refresh tokens."""
        return self._derive("refresh")

    def lookup_key(self) -> bytes:
        """Hashes e-mail addresses for the lookup table."""
        return self._derive("lookup")

    def _derive(self, purpose: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"basketry auth {purpose}".encode()).derive(
            self.root
        )


def read_key_file(path: Path) -> KeyFile:
    """Read the file: 64 hex digits, an Ed25519 private key as PEM, or JSON `{"root": …, "current": 2, "live": [1, 2]}`.

    Raises:
        KeyFileInvalid: The message never quotes the content.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileInvalid(f"the signing key file {path} cannot be read: {type(error).__name__}") from None
    if mode & 0o077:
        raise KeyFileInvalid(f"the signing key file {path} must be readable by its owner alone (chmod 600)")
    try:
        return _parse(text)
    except (ValueError, KeyError, TypeError):
        raise KeyFileInvalid(f"the signing key file {path} holds no key that we can read") from None


def _parse(text: str) -> KeyFile:
    if not text.startswith("{"):
        return KeyFile(_root(text), 1, (1,))
    facts: dict[str, Any] = json.loads(text)
    current, live = int(facts["current"]), [int(version) for version in facts["live"]]
    if current not in live or len(live) > MOST_LIVE or min(live) < 1:
        raise ValueError("current must be one of live")
    return KeyFile(_root(facts["root"]), current, tuple(dict.fromkeys(live)))


def _root(text: str) -> bytes:
    if "PRIVATE KEY" in text:
        key = load_pem_private_key(text.encode(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("not an Ed25519 key")
        return key.private_bytes_raw()
    root = bytes.fromhex(text)
    if len(root) != KEY_BYTES:
        raise ValueError("32 bytes are needed")
    return root
