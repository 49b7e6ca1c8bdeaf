"""Send committed intents, in batches, at the same time; the replies are facts for the bookkeeper."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from execution.application.ports import Account, OrderVenue
from execution.domain.attempt import Attempt
from execution.domain.venue_facts import Fact, Reply, ReplyFact, ReplyKind
from shared.trading.clock import Clock

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 5.0

Hear = Callable[[Sequence[Fact]], None]
Prolong = Callable[[Sequence[Attempt]], Awaitable[Sequence[Attempt]]]


async def _as_committed(_: Sequence[Attempt]) -> Sequence[Attempt]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long orders that were refused for now may go again.

    Attributes:
        until: Nothing is sent after this; None leaves it to each intent's own bound.
        prolong: Commits a later bound for intents whose own has passed, if the sender still holds the desk.
    """

    until: datetime | None = None
    prolong: Prolong = field(default=_as_committed)


OWN_BOUND = Patience()


class SendOrders:
    """Carries intents to the venue. It never invents a new id and never sends again but after a sure refusal for now.

    Args:
        batch_size: Orders per request at most; the venue's own limit may be lower.
    """

    def __init__(self, *, venue: OrderVenue, clock: Clock, batch_size: int) -> None:
        self._venue = venue
        self._clock = clock
        self._batch_size = batch_size

    async def execute(
        self, account: Account, attempts: Sequence[Attempt], hear: Hear, patience: Patience = OWN_BOUND
    ) -> None:
        """Send all; `hear` gets each batch's replies as soon as they are read."""
        size = min(self._batch_size, self._venue.batch_size(account.environment))
        batches = [attempts[start : start + size] for start in range(0, len(attempts), size)]
        async with asyncio.TaskGroup() as group:
            for batch in batches:
                group.create_task(self._send(account, batch, hear, patience))

    async def _send(self, account: Account, batch: Sequence[Attempt], hear: Hear, patience: Patience) -> None:
        waiting, rounds, why = list(batch), 0, "held_up"
        while waiting := await self._in_time(waiting, hear, patience, why):
            replies = list(await self._venue.create(account, waiting))
            rounds += 1
            now = self._clock.now()
            pairs = list(zip(waiting, replies, strict=True))
            later = [pair for pair in pairs if self._may_go_again(*pair, rounds=rounds, patience=patience)]
            waiting = [attempt for attempt, _ in later]
            again = {attempt.link_id for attempt in waiting}
            ended = [
                ReplyFact(link_id=attempt.link_id, reply=_final(reply), at=now)
                for attempt, reply in pairs
                if attempt.link_id not in again
            ]
            if ended:
                hear(ended)
            if later:
                why = later[0][1].reason
                pause_s = max(_pause_s(rounds), *(reply.retry_after_s for _, reply in later))
                log.info("orders_wait", orders=len(later), pause_s=pause_s, reason=why)
                await asyncio.sleep(pause_s)

    async def _in_time(self, waiting: list[Attempt], hear: Hear, patience: Patience, why: str) -> list[Attempt]:
        """Those that may be sent at this moment: whoever was held up asks the books first."""
        if all(self._clock.now() < attempt.send_before for attempt in waiting):
            return waiting
        late = [attempt for attempt in waiting if self._clock.now() >= attempt.send_before]
        prolonged = {attempt.link_id: attempt for attempt in await patience.prolong(late)}
        now = self._clock.now()
        current = [prolonged.get(attempt.link_id, attempt) for attempt in waiting]
        over = [attempt for attempt in current if now >= attempt.send_before]
        if over:
            log.warning("orders_too_late", orders=len(over), reason=why)
            refused = Reply(kind=ReplyKind.REFUSED, reason=f"too_late: {why}")
            hear([ReplyFact(link_id=attempt.link_id, reply=refused, at=now) for attempt in over])
        return [attempt for attempt in current if now < attempt.send_before]

    def _may_go_again(self, attempt: Attempt, reply: Reply, *, rounds: int, patience: Patience) -> bool:
        """Refused for now alone: the same id and the same body later, while the order may still be sent."""
        if reply.kind is not ReplyKind.NOT_NOW or rounds >= (reply.rounds_max or rounds + 1):
            return False
        pause_ends = self._clock.now() + timedelta(seconds=reply.retry_after_s)
        return pause_ends < (patience.until or attempt.send_before)


def _pause_s(rounds: int) -> float:
    doublings: int = min(rounds - 1, 10)
    return min(FIRST_PAUSE_S * float(1 << doublings), LONGEST_PAUSE_S)


def _final(reply: Reply) -> Reply:
    if reply.kind is ReplyKind.NOT_NOW:
        return Reply(kind=ReplyKind.REFUSED, reason=f"too_late: {reply.reason}")
    return reply
