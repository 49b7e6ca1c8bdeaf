"""Private streams of Bybit, as facts."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from execution.application.ports import Account
from execution.domain.venue_facts import Fact
from execution.outbound.keys_client import KeysClient
from execution.outbound.venue_words import TRADE, execution_fact, order_fact
from shared.runtime.bybit.capabilities import CAPABILITIES
from shared.runtime.bybit.pace import Pace
from shared.runtime.bybit.private_stream import PrivateStream, StreamTimes
from shared.runtime.bybit.replies import ExecutionRow, OrderRow, WalletRow
from shared.runtime.settings import VenueHost, open_host
from shared.trading.status import VenueEnvironment

HEARD = ("order", "execution")
"""Balances are asked for when they are needed; a basket of twenty legs would make forty frames of them."""


class _Listener:
    """Hands rows on as facts, at once."""

    def __init__(self, hear: Callable[[Sequence[Fact]], None], gap: Callable[[str], None]) -> None:
        self._hear = hear
        self._gap = gap

    async def orders(self, rows: tuple[OrderRow, ...]) -> None:
        """Orders changed."""
        self._hear([order_fact(row) for row in rows])

    async def executions(self, rows: tuple[ExecutionRow, ...]) -> None:
        """Matches happened."""
        self._hear([execution_fact(row) for row in rows if row.exec_type == TRADE])

    async def wallets(self, rows: tuple[WalletRow, ...]) -> None:
        """Not subscribed."""

    async def gap(self, reason: str) -> None:
        """Something may have been missed."""
        self._gap(reason)


class BybitStream:
    """The port `AccountStream`."""

    def __init__(self, stream: PrivateStream) -> None:
        self._stream = stream

    async def run(self) -> None:
        """Listen until cancelled."""
        await self._stream.run()

    @property
    def connected(self) -> bool:
        """Whether news arrive now."""
        return self._stream.connected.is_set()


class BybitStreams:
    """The port `AccountStreams`.

    Args:
        hosts: Open environments.
        rng: Spreads reconnects of many accounts.
    """

    def __init__(self, hosts: Mapping[VenueEnvironment, VenueHost], *, keys: KeysClient, rng: random.Random) -> None:
        self._hosts = dict(hosts)
        self._keys = keys
        self._rng = rng
        self._paces: dict[VenueEnvironment, Pace] = {}

    def stream(
        self, account: Account, *, hear: Callable[[Sequence[Fact]], None], gap: Callable[[str], None]
    ) -> BybitStream:
        """The private stream of one account."""
        environment = account.environment
        if environment not in self._paces:
            self._paces[environment] = Pace(CAPABILITIES[environment].connections_interval_s)
        return BybitStream(
            PrivateStream(
                url=open_host(self._hosts, environment).private_stream,
                login=lambda: self._keys.login(account),
                listener=_Listener(hear, gap),
                pace=self._paces[environment],
                rng=self._rng,
                times=StreamTimes(),
                name=str(account.account_id),
                topics=HEARD,
            )
        )
