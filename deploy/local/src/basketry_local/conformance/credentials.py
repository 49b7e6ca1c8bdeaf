"""The user's key: from environment variables, never from the command line, never in a report."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import SecretStr

API_KEY = "BASKETRY_CONFORMANCE_API_KEY"
API_SECRET = "BASKETRY_CONFORMANCE_API_SECRET"  # noqa: S105 - the name of a variable
"""The secret of an HMAC key, or the private key (PEM) of an RSA key."""


class NoKeyError(Exception):
    """A variable is missing, or holds no key; the text names the variable, never its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestKey:
    """A key that signs in this process."""

    __test__ = False  # not a test, whatever its name

    api_key: SecretStr
    api_secret: SecretStr

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> TestKey:
        """The key that the user put into the environment.

        Raises:
            NoKeyError: A variable is missing.
        """
        for name in (API_KEY, API_SECRET):
            if not environment.get(name, "").strip():
                raise NoKeyError(f"Set {API_KEY} and {API_SECRET} in the environment; {name} is missing.")
        return cls(
            api_key=SecretStr(environment[API_KEY].strip()), api_secret=SecretStr(environment[API_SECRET].strip())
        )

    @property
    def hint(self) -> str:
        """First and last four characters of the key's id."""
        text = self.api_key.get_secret_value()
        return f"{text[:4]}…{text[-4:]}" if len(text) >= 16 else "…"

    @property
    def fingerprint(self) -> str:
        """Tells keys apart in file names without naming them."""
        return sha256(self.api_key.get_secret_value().encode()).hexdigest()[:8]

    def signature(self, text: str) -> str:
        """HMAC-SHA256 in hex, or RSA-SHA256 in base64.

        Raises:
            NoKeyError: A private key that cannot be read.
        """
        secret = self.api_secret.get_secret_value()
        if "PRIVATE KEY" in secret:
            return _rsa(secret, text)
        return hmac.new(secret.encode(), text.encode(), sha256).hexdigest()


def _rsa(pem: str, text: str) -> str:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):
        raise NoKeyError(f"{API_SECRET} holds a private key that cannot be read.") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise NoKeyError(f"{API_SECRET} holds a private key that is not RSA.")
    return b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
