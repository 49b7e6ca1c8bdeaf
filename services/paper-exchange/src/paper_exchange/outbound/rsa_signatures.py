"""RSA-SHA256 signatures of API keys, as the venue checks them."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

KEPT = 1_024
"""So many public keys stay read: reading one costs as much as checking a signature."""


class RsaSignatures:
    """Reads public keys in PEM and checks signatures in base64."""

    def readable(self, pem: str) -> bool:
        """Whether a text is an RSA public key."""
        return _public_key(pem) is not None

    def fits(self, pem: str, origin: bytes, signature: str) -> bool:
        """Whether a signature belongs to these bytes; never, where the key or the signature is none."""
        public = _public_key(pem)
        if public is None:
            return False
        try:
            public.verify(base64.b64decode(signature, validate=True), origin, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


@lru_cache(maxsize=KEPT)
def _public_key(pem: str) -> rsa.RSAPublicKey | None:
    try:
        public = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return public if isinstance(public, rsa.RSAPublicKey) else None
