"""What the exchange needs from outside."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
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


class RsaKeys(Protocol):
    """Reads RSA public keys and checks what was signed with their other halves."""

    def readable(self, pem: str) -> bool:
        """Whether a text is an RSA public key in PEM."""
        ...

    def fits(self, pem: str, origin: bytes, signature: str) -> bool:
        """Whether an RSA-SHA256 signature in base64 belongs to these bytes."""
        ...


class PriceFeed(Protocol):
    """Moves the mid prices of all listings; fine units are millionths of a tick.

    Attributes:
        told_ms: When somebody else last told these prices, epoch milliseconds (0: not yet); None when they are made here.
    """

    told_ms: int | None

    def step(self, seconds: float, *, now_ms: int) -> None:
        """Let `seconds` pass; `now_ms` is the venue's time after it, epoch milliseconds."""
        ...

    @property
    def mids(self) -> Mapping[str, int]:
        """All mid prices in fine units, in the order of the listings."""
        ...

    def mid_fine(self, symbol: str) -> int:
        """One mid price in fine units."""
        ...

    def mid(self, symbol: str) -> Decimal:
        """One mid price, quote per base, cut to whole ticks."""
        ...

    def set_price(self, symbol: str, price: Decimal) -> None:
        """Put a mid price where a test wants it."""
        ...

    def snapshot(self) -> dict[str, int]:
        """All mid prices, to go on from."""
        ...

    def resume(self, prices: Mapping[str, int]) -> None:
        """Go on from a snapshot."""
        ...
