"""What the exchange needs from outside."""

from __future__ import annotations

from typing import Protocol

from paper_exchange.domain.order import Execution, Order
from paper_exchange.domain.records import Record


class Journal(Protocol):
    """Keeps records for good."""

    def append(self, record: Record) -> int:
        """Queue a record for the disk and return its position; it is safe once `durable` says so."""
        ...

    @property
    def position(self) -> int:
        """Position of the last record queued."""
        ...

    async def durable(self, position: int) -> None:
        """Wait until everything up to a position is on disk.

        Raises:
            Unavailable: the disk failed; nothing may be acknowledged any more.
        """
        ...


class PrivateFeed(Protocol):
    """Tells an account's streams; what it is told leaves only after the journal is on disk."""

    def order_changed(self, order: Order) -> None:
        """An order was accepted, traded or ended."""
        ...

    def executed(self, execution: Execution) -> None:
        """An order traded."""
        ...

    def wallet_changed(self, uid: str, coins: tuple[str, ...]) -> None:
        """Balances of some coins changed, or what is set aside of them."""
        ...


class Secrets(Protocol):
    """Makes key material."""

    def api_key(self) -> str:
        """A fresh public name of a key."""
        ...

    def api_secret(self) -> str:
        """A fresh secret."""
        ...
