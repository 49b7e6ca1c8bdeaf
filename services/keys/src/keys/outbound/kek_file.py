"""Key-encryption keys from a file: for one machine. A KMS stands behind the same port in the cloud."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keys.domain.errors import RecordTampered
from keys.domain.secret import Secret
from keys.outbound.envelope import KEY_BYTES, decrypt, encrypt


class KekFileInvalid(ValueError):
    """The file is missing, readable for others, or not in our format; the service does not start."""


class FileKeyEncryptionKeys:
    """Wraps and unwraps data keys.

    Args:
        current: Version that wraps from now on.
        keys: By version; older ones stay until no row needs them (two-phase rotation).
        lookup: Root of the derived keys (account hashes, audit seals); never rotates with the others.
    """

    def __init__(self, *, current: int, keys: Mapping[int, Secret], lookup: Secret) -> None:
        if current not in keys:
            raise KekFileInvalid(f"the key file names version {current} as current but does not hold it")
        self._current = current
        self._keys = dict(keys)
        self._lookup = lookup

    async def wrap(self, data_key: bytes, aad: bytes) -> tuple[int, bytes]:
        """The current version and the wrapped data key."""
        return self._current, encrypt(self._keys[self._current].reveal(), data_key, aad)

    async def unwrap(self, version: int, wrapped: bytes, aad: bytes) -> bytes:
        """The data key.

        Raises:
            RecordTampered: An unknown version, or the wrapped key belongs to another record.
        """
        if version not in self._keys:
            raise RecordTampered("The stored key is wrapped with an unknown version.", context={"kek_version": version})
        return decrypt(self._keys[version].reveal(), wrapped, aad)

    def derived(self, purpose: str) -> Secret:
        """A key of its own for one purpose."""
        return Secret(
            HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(self._lookup.reveal())
        )


def read_kek_file(path: Path) -> FileKeyEncryptionKeys:
    """Read the file: 64 hex digits, or `{"current": 2, "keys": {"1": hex, "2": hex}, "lookup": hex}`.

    The service never makes the file itself: a lost one has to be noticed, not replaced.

    Raises:
        KekFileInvalid: Missing, readable for others, or malformed; the message holds nothing of its content.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KekFileInvalid(f"the key file {path} cannot be read ({type(error).__name__})") from None
    if stat.S_IMODE(mode) & 0o077:
        raise KekFileInvalid(f"the key file {path} must be readable by its owner alone (mode 0600)")
    return _parse(text)


def _parse(text: str) -> FileKeyEncryptionKeys:
    if not text.startswith("{"):
        only = _key(text)
        return FileKeyEncryptionKeys(current=1, keys={1: only}, lookup=only)
    try:
        found: dict[str, Any] = json.loads(text)
        keys = {int(version): _key(value) for version, value in found["keys"].items()}
        lookup = found.get("lookup")
        return FileKeyEncryptionKeys(
            current=int(found["current"]), keys=keys, lookup=_key(lookup) if lookup else keys[min(keys)]
        )
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError):
        raise KekFileInvalid("the key file is not in the expected format") from None


def _key(text: object) -> Secret:
    try:
        value = bytes.fromhex(str(text))
    except ValueError:
        value = b""
    if len(value) != KEY_BYTES:
        raise KekFileInvalid(f"a key in the key file is not {KEY_BYTES * 2} hex digits")
    return Secret(value)
