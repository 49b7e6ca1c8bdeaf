"""Control paths for the whole state: look at it, take it away, forget it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from paper_exchange.application.exchange import Exchange
from paper_exchange.domain.ledger import Ledger
from paper_exchange.inbound.exchange_http import Reply, Request
from paper_exchange.inbound.streams import Streams
from shared.trading.money import plain


class StateStore(Protocol):
    """Where the journal lies."""

    def snapshot(self) -> bytes:
        """All lines on disk."""
        ...


class ControlState:
    """What the operator may ask about the venue as a whole."""

    def __init__(
        self, exchange: Exchange, store: StateStore, streams: Streams, digest: Callable[[Ledger], str]
    ) -> None:
        self._exchange = exchange
        self._store = store
        self._streams = streams
        self._digest = digest

    @property
    def handlers(self) -> dict[tuple[str, str], Callable[[Request], Awaitable[object]]]:
        """Method and path below the control prefix, and who answers."""
        return {("GET", "state"): self.state, ("GET", "snapshot"): self.snapshot, ("POST", "reset"): self.reset}

    async def state(self, _request: Request) -> dict[str, object]:
        """How much there is, a digest of it all, and per coin what the accounts hold: its counterpart sums to zero."""
        ledger = self._exchange.ledger
        return {
            "accounts": len(ledger.accounts),
            "keys": len(ledger.keys),
            "orders": len(ledger.orders),
            "open_orders": sum(len(account.open_orders) for account in ledger.accounts.values()),
            "executions": ledger.seq,
            "held": {coin: plain(-amount) for coin, amount in ledger.counter.items()},
            "digest": self._digest(ledger),
        }

    async def snapshot(self, _request: Request) -> Reply:
        """The journal up to now, durable: another venue begins with it (`PAPER_EXCHANGE_SNAPSHOT_FILE`)."""
        await self._exchange.journal.durable(self._exchange.journal.position)
        return Reply(self._store.snapshot(), 200, ((b"content-type", b"application/x-ndjson"),))

    async def reset(self, _request: Request) -> dict[str, object]:
        """Forget every account; connections of customers are closed, prices go on."""
        forgotten = self._exchange.reset()
        await self._exchange.journal.durable(self._exchange.journal.position)
        await self._streams.cut("")
        return {"accounts": forgotten}
