"""AES-256-GCM with the identity of the record as additional authenticated data."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keys.domain.errors import RecordTampered

KEY_BYTES = 32
_NONCE_BYTES = 12


def fresh_key() -> bytes:
    """A 256-bit key from the operating system's randomness."""
    return secrets.token_bytes(KEY_BYTES)


def encrypt(key: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Nonce and ciphertext with its tag; a data key seals a handful of texts, so random nonces never meet."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, aad)


def decrypt(key: bytes, sealed: bytes, aad: bytes) -> bytes:
    """The plaintext.

    Raises:
        RecordTampered: Wrong key, changed bytes, or another record's identity.
    """
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], aad)
    except (InvalidTag, ValueError):
        # The cause is cut off: its frames hold the key.
        raise RecordTampered("The stored key fails its integrity check; nothing is signed with it.") from None
