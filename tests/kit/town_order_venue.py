"""Execution's ports `OrderVenue` and `AccountStreams` over the engine: its rules, its words, no wire."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from execution.application.ports import Account, Evidence
from execution.domain.account_flow import LogLine
from execution.domain.attempt import Attempt
from execution.domain.venue_facts import ExecutionFact, Fact, OrderFact, Reply, ReplyKind
from execution.outbound.venue_words import execution_fact, log_line, order_fact, reply
from kit.town_venue import FRAME_DELAY_S, PaperVenue
from paper_exchange.domain.account import Account as VenueAccount
from paper_exchange.domain.order import Execution, Order
from paper_exchange.domain.refusal import Refused as VenueRefusal
from paper_exchange.inbound.shapes import execution_shape, log_shape, order_shape
from shared.runtime.bybit.classification import ReplyClass, classify
from shared.runtime.bybit.outcomes import Accepted, Duplicate, Refused, Unknown
from shared.runtime.bybit.replies import ExecutionRow, OrderAck, OrderRow, TransactionRow
from shared.trading.clock import Clock, epoch_ms
from shared.trading.money import ZERO
from shared.trading.status import VenueEnvironment

ROUND_TRIP_S = 0.08
BATCH = 10


@dataclass
class Mishaps:
    """What goes wrong on the wire, by chance; `lost` counts the replies that never came.

    Attributes:
        lost_reply: Chance that an order is placed and nobody is told.
        lost_request: Chance that an order never arrives and nobody is told.
    """

    rng: random.Random
    lost_reply: float = 0.0
    lost_request: float = 0.0
    lost: int = 0


class MemoryOrderVenue:
    """The port `OrderVenue`.

    Args:
        uids: The venue's number of each account.
    """

    def __init__(self, venue: PaperVenue, uids: Mapping[UUID, str], clock: Clock, mishaps: Mishaps) -> None:
        self._venue = venue
        self._uids = uids
        self._clock = clock
        self._mishaps = mishaps

    async def create(self, account: Account, attempts: Sequence[Attempt]) -> Sequence[Reply]:
        """Send orders; one reply per attempt, in order."""
        await asyncio.sleep(ROUND_TRIP_S / 2)
        replies = [self._place(account, attempt) for attempt in attempts]
        await asyncio.sleep(ROUND_TRIP_S / 2)
        return replies

    def _place(self, account: Account, attempt: Attempt) -> Reply:
        mishaps, now = self._mishaps, self._clock.now()
        if mishaps.rng.random() < mishaps.lost_request:
            mishaps.lost += 1
            return reply(Unknown(reason="read_timeout"), now)
        try:
            order = self._venue.place(self._uids[account.account_id], json.loads(attempt.body))
        except VenueRefusal as refusal:
            return _refused(refusal, now)
        if mishaps.rng.random() < mishaps.lost_reply:
            mishaps.lost += 1
            return reply(Unknown(reason="read_timeout"), now)
        return reply(Accepted(reply=OrderAck(orderId=order.order_id, orderLinkId=order.link_id)), now)  # type: ignore[call-arg]

    def batch_size(self, environment: VenueEnvironment) -> int:
        """Orders that one send may carry."""
        del environment
        return BATCH

    async def look_up(self, account: Account, link_id: str) -> Evidence:
        """What the venue knows of one order."""
        await asyncio.sleep(ROUND_TRIP_S)
        order = self._account(account).by_link_id.get(link_id)
        if order is None:
            return Evidence(order=None, executions=())
        return Evidence(order=fact_of(order), executions=[match_of(row) for row in order.executions])

    async def executions_since(self, account: Account, since: datetime) -> Sequence[ExecutionFact]:
        """All matches of the account from a moment on."""
        await asyncio.sleep(ROUND_TRIP_S)
        return [match_of(row) for row in self._venue.executions_since(self._uid(account), epoch_ms(since))]

    async def log_since(self, account: Account, since: datetime) -> Sequence[LogLine]:
        """Lines of the transaction log that are no spot trades."""
        await asyncio.sleep(ROUND_TRIP_S)
        rows = [
            TransactionRow.model_validate(log_shape(entry))
            for entry in self._venue.log_since(self._uid(account), epoch_ms(since))
        ]
        return [log_line(row) for row in rows if not row.is_spot_trade]

    async def balances(self, account: Account, assets: Collection[str]) -> Mapping[str, Decimal]:
        """Wallet balances, locked coins included."""
        await asyncio.sleep(ROUND_TRIP_S)
        return {coin: amount for coin, amount in self._venue.balances(self._uid(account)).items() if coin in assets}

    async def spendable(self, account: Account, asset: str) -> Decimal:
        """Wallet balance minus locked."""
        await asyncio.sleep(ROUND_TRIP_S)
        return max(self._account(account).free(asset), ZERO)

    def _uid(self, account: Account) -> str:
        return self._uids[account.account_id]

    def _account(self, account: Account) -> VenueAccount:
        return self._venue.account(self._uid(account))


class MemoryStream:
    """The port `AccountStream`: frames arrive a moment after they were said."""

    def __init__(self, venue: PaperVenue, uid: str, hear: Callable[[Sequence[Fact]], None]) -> None:
        self._venue = venue
        self._uid = uid
        self._hear = hear
        self.connected = False

    async def run(self) -> None:
        """Listen until cancelled."""
        frames = self._venue.frames
        frames.orders[self._uid] = lambda order: self._later(fact_of(order))
        frames.executions[self._uid] = lambda execution: self._later(match_of(execution))
        self.connected = True
        try:
            await asyncio.Event().wait()
        finally:
            self.connected = False
            frames.orders.pop(self._uid, None)
            frames.executions.pop(self._uid, None)

    def _later(self, fact: Fact) -> None:
        asyncio.get_running_loop().call_later(FRAME_DELAY_S, self._deliver, fact)

    def _deliver(self, fact: Fact) -> None:
        if self.connected:
            self._hear([fact])


class MemoryStreams:
    """The port `AccountStreams`."""

    def __init__(self, venue: PaperVenue, uids: Mapping[UUID, str]) -> None:
        self._venue = venue
        self._uids = uids

    def stream(
        self, account: Account, *, hear: Callable[[Sequence[Fact]], None], gap: Callable[[str], None]
    ) -> MemoryStream:
        """The private stream of one account."""
        del gap
        return MemoryStream(self._venue, self._uids[account.account_id], hear)


def fact_of(order: Order) -> OrderFact:
    """An order, through the venue's own words."""
    return order_fact(OrderRow.model_validate(order_shape(order)))


def match_of(execution: Execution) -> ExecutionFact:
    """A match, through the venue's own words."""
    return execution_fact(ExecutionRow.model_validate(execution_shape(execution)))


def _refused(refusal: VenueRefusal, now: datetime) -> Reply:
    code, message = refusal.ret_code, refusal.ret_msg
    if classify(code) is ReplyClass.DUPLICATE:
        return reply(Duplicate(code=code, message=message), now)
    refused = classify(code) is ReplyClass.REFUSED
    found = reply(Refused(code=code, message=message) if refused else Unknown(reason=f"code_{code}"), now)
    assert found.kind is not ReplyKind.ACCEPTED
    return found
