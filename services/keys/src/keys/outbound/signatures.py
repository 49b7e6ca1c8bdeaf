"""Signatures by the kind of the key, and fresh pairs for it."""

from __future__ import annotations

import asyncio
import hmac
from base64 import b64encode
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from keys.domain.errors import RecordTampered
from keys.domain.key_pair import FreshPair
from keys.domain.secret import Secret
from keys.domain.stored_key import Credentials, KeyKind

RSA_BITS = 2048
"""What Bybit's own generator makes by default; a signature costs a few milliseconds."""
_PUBLIC_EXPONENT = 65537


class VenueSignatures:
    """Bybit's two ways to sign."""

    def of(self, credentials: Credentials, text: str) -> str:
        """HMAC-SHA256 in lower-case hex, or RSA-SHA256 (PKCS #1 v1.5) in base64."""
        if credentials.kind is KeyKind.RSA:
            return _rsa(credentials.api_secret, text.encode())
        return hmac.new(credentials.api_secret.reveal(), text.encode(), sha256).hexdigest()


class RsaPairs:
    """Makes pairs; in a thread, for finding primes takes a while."""

    async def make(self) -> FreshPair:
        """A fresh pair, from the operating system's randomness."""
        return await asyncio.to_thread(_fresh_pair)


def _fresh_pair() -> FreshPair:
    key = rsa.generate_private_key(public_exponent=_PUBLIC_EXPONENT, key_size=RSA_BITS)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return FreshPair(public_key=public.decode(), private_key=Secret(private))


def _rsa(private: Secret, text: bytes) -> str:
    # The key is ours and came out of an authenticated record: checking its primes again would take 100 times as long
    # as the signature.
    try:
        key = load_der_private_key(private.reveal(), password=None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        # The cause is cut off: its frames hold the key.
        raise RecordTampered("The stored key is not the kind it claims to be; nothing is signed with it.") from None
    return b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()
