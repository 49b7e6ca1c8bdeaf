"""What the use cases need from outside beside their books: vaults, makers of pairs, venues."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from keys.domain.binding import Binding
from keys.domain.key_pair import FreshPair, SealedPrivateKey
from keys.domain.secret import Secret
from keys.domain.stored_key import Credentials, KeyFacts, Sealed
from shared.trading.status import VenueEnvironment


class Vault(Protocol):
    """Seals credentials and opens them for one call."""

    async def seal(self, binding: Binding, credentials: Credentials) -> Sealed:
        """Encrypt under a fresh data key, bound to `binding`."""
        ...

    async def open(self, binding: Binding, sealed: Sealed) -> Credentials:
        """Decrypt.

        Raises:
            RecordTampered: The record is not what it claims to be.
        """
        ...

    def forget(self, key_id: UUID) -> None:
        """Drop whatever is held in memory for a key."""
        ...


class PairVault(Protocol):
    """Seals the private keys of pairs that wait."""

    async def seal_private(self, binding: Binding, private_key: Secret) -> SealedPrivateKey:
        """Encrypt under a fresh data key, bound to `binding`."""
        ...

    async def open_private(self, binding: Binding, sealed: SealedPrivateKey) -> Secret:
        """Decrypt.

        Raises:
            RecordTampered: The record is not what it claims to be.
        """
        ...


class PairMaker(Protocol):
    """Makes key pairs."""

    async def make(self) -> FreshPair:
        """A fresh pair."""
        ...


class OpenEnvironments(Protocol):
    """Knows which venue environments the operator has opened."""

    def check_open(self, environment: VenueEnvironment) -> None:
        """Pass, when the operator has opened this environment.

        Raises:
            EnvironmentNotOpen: It is switched off here.
        """
        ...


class KeyVenue(OpenEnvironments, Protocol):
    """Asks a venue about a key."""

    async def describe(self, environment: VenueEnvironment, credentials: Credentials) -> KeyFacts:
        """What the venue says about the key.

        Raises:
            KeyRefused: The venue does not accept it; the code says why.
            VenueAway: No answer that can be understood.
        """
        ...


class PaperDesk(Protocol):
    """Opens accounts with play money."""

    async def open_account(self, balances: Mapping[str, Decimal]) -> Credentials:
        """A fresh account's key.

        Raises:
            Invalid: The exchange does not take these balances.
            VenueAway: The paper exchange does not answer.
        """
        ...


class AccountIndex(Protocol):
    """Recognises venue accounts without keeping their ids readable."""

    def hash_of(self, environment: VenueEnvironment, venue_uid: str) -> bytes:
        """A keyed hash: equal for the same account, useless to whoever finds it."""
        ...
