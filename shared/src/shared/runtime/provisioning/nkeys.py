"""nkey identities: a service proves who it is by signing the server's challenge; the server holds public keys only."""

from __future__ import annotations

import os
from dataclasses import dataclass

import nkeys
from pydantic import SecretStr

PROVISIONER = "provisioner"
"""The identity that makes streams and consumers; no service has its rights."""


@dataclass(frozen=True, slots=True)
class NatsIdentity:
    """One user of the bus.

    Args:
        name: The service, or `provisioner`.
        seed: The private part; belongs to that process alone.
    """

    name: str
    seed: SecretStr

    @property
    def public_key(self) -> str:
        """What the server's configuration lists."""
        pair = nkeys.from_seed(bytearray(self.seed.get_secret_value().encode()))  # type: ignore[no-untyped-call]
        try:
            public: bytes = pair.public_key
            return public.decode()
        finally:
            pair.wipe()


def new_seed() -> SecretStr:
    """A fresh user seed from the operating system's randomness."""
    return SecretStr(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER).decode())  # type: ignore[no-untyped-call]
