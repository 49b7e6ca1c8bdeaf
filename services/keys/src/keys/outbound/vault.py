"""The vault: a data key per record, wrapped by a key-encryption key that the database never sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from keys.domain.binding import Binding
from keys.domain.key_pair import SealedPrivateKey
from keys.domain.secret import Secret
from keys.domain.stored_key import Credentials, KeyKind, Sealed
from keys.outbound.envelope import decrypt, encrypt, fresh_key
from shared.trading.clock import Clock

CACHE_S = 60.0
"""A data key stays in memory that long at most, so that a short outage of a KMS stops nothing."""
_CACHE_MAX = 5_000
_DATA_KEY, _API_KEY = "data_key", "api_key"
_SECRET_FIELD = {KeyKind.HMAC: "api_secret", KeyKind.RSA: "rsa_private_key"}
"""Named by kind: what was sealed as one never opens as the other."""
_WAITING = "waiting_private_key"


class KeyEncryptionKeys(Protocol):
    """Wraps data keys: a file, Vault transit, a cloud KMS."""

    async def wrap(self, data_key: bytes, aad: bytes) -> tuple[int, bytes]:
        """The current version and the wrapped data key."""
        ...

    async def unwrap(self, version: int, wrapped: bytes, aad: bytes) -> bytes:
        """The data key; raises RecordTampered when it does not belong to `aad`."""
        ...


@dataclass(frozen=True, slots=True)
class _Held:
    wrapped: bytes
    data_key: Secret
    until_s: float


class EnvelopeVault:
    """Seals and opens credentials; nothing that it decrypts ever reaches a disk.

    Args:
        keks: Wraps the data keys.
        clock: Ages the data keys in memory.
    """

    def __init__(self, keks: KeyEncryptionKeys, clock: Clock) -> None:
        self._keks = keks
        self._clock = clock
        self._held: dict[UUID, _Held] = {}

    async def seal(self, binding: Binding, credentials: Credentials) -> Sealed:
        """Encrypt under a fresh data key."""
        data_key = fresh_key()
        version, wrapped = await self._keks.wrap(data_key, binding.aad(_DATA_KEY))
        return Sealed(
            kek_version=version,
            wrapped=wrapped,
            api_key=encrypt(data_key, credentials.api_key.reveal(), binding.aad(_API_KEY)),
            api_secret=encrypt(data_key, credentials.api_secret.reveal(), binding.aad(_SECRET_FIELD[credentials.kind])),
            kind=credentials.kind,
        )

    async def open(self, binding: Binding, sealed: Sealed) -> Credentials:
        """Decrypt.

        Raises:
            RecordTampered: The record is not what it claims to be.
        """
        data_key = (await self._data_key(binding, sealed)).reveal()
        field = _SECRET_FIELD[sealed.kind]
        return Credentials(
            api_key=Secret(decrypt(data_key, sealed.api_key, binding.aad(_API_KEY))),
            api_secret=Secret(decrypt(data_key, sealed.api_secret, binding.aad(field))),
            kind=sealed.kind,
        )

    async def seal_private(self, binding: Binding, private_key: Secret) -> SealedPrivateKey:
        """Encrypt a waiting pair's private key under a fresh data key."""
        data_key = fresh_key()
        version, wrapped = await self._keks.wrap(data_key, binding.aad(_DATA_KEY))
        sealed = encrypt(data_key, private_key.reveal(), binding.aad(_WAITING))
        return SealedPrivateKey(kek_version=version, wrapped=wrapped, private_key=sealed)

    async def open_private(self, binding: Binding, sealed: SealedPrivateKey) -> Secret:
        """Decrypt it; once, so its data key is not kept in memory.

        Raises:
            RecordTampered: The record is not what it claims to be.
        """
        data_key = await self._keks.unwrap(sealed.kek_version, sealed.wrapped, binding.aad(_DATA_KEY))
        return Secret(decrypt(data_key, sealed.private_key, binding.aad(_WAITING)))

    def forget(self, key_id: UUID) -> None:
        """Drop the data key of a key."""
        self._held.pop(key_id, None)

    async def _data_key(self, binding: Binding, sealed: Sealed) -> Secret:
        held = self._held.get(binding.key_id)
        now_s = self._clock.monotonic()
        # The wrapped bytes are compared too: another row's record never opens with this one's key.
        if held is not None and held.until_s > now_s and held.wrapped == sealed.wrapped:
            return held.data_key
        data_key = Secret(await self._keks.unwrap(sealed.kek_version, sealed.wrapped, binding.aad(_DATA_KEY)))
        if len(self._held) >= _CACHE_MAX:
            self._held.clear()
        self._held[binding.key_id] = _Held(sealed.wrapped, data_key, now_s + CACHE_S)
        return data_key
