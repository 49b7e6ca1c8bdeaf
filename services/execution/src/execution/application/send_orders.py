"""Send committed intents, in batches, at the same time; the replies are facts for the bookkeeper."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from execution.application.ports import Account, OrderVenue
from execution.domain.attempt import Attempt
from execution.domain.venue_facts import Fact, Reply, ReplyFact, ReplyKind
from shared.trading.clock import Clock

log = structlog.get_logger(__name__)


class SendOrders:
    """Carries intents to the venue. It never invents a new id and never retries but after a refusal for speed.

    Args:
        batch_size: Orders per request at most; the venue's own limit may be lower.
    """

    def __init__(self, *, venue: OrderVenue, clock: Clock, batch_size: int) -> None:
        self._venue = venue
        self._clock = clock
        self._batch_size = batch_size

    async def execute(
        self, account: Account, attempts: Sequence[Attempt], hear: Callable[[Sequence[Fact]], None]
    ) -> None:
        """Send all; `hear` gets each batch's replies as soon as they are read."""
        size = min(self._batch_size, self._venue.batch_size(account.environment))
        batches = [attempts[start : start + size] for start in range(0, len(attempts), size)]
        async with asyncio.TaskGroup() as group:
            for batch in batches:
                group.create_task(self._send(account, batch, hear))

    async def _send(self, account: Account, batch: Sequence[Attempt], hear: Callable[[Sequence[Fact]], None]) -> None:
        waiting = list(batch)
        while waiting:
            replies = list(await self._venue.create(account, waiting))
            now = self._clock.now()
            pairs = list(zip(waiting, replies, strict=True))
            waiting = [attempt for attempt, reply in pairs if self._may_go_again(attempt, reply)]
            again = {attempt.link_id for attempt in waiting}
            hear(
                [
                    ReplyFact(link_id=attempt.link_id, reply=_final(reply), at=now)
                    for attempt, reply in pairs
                    if attempt.link_id not in again
                ]
            )
            if waiting:
                pause = max(reply.retry_after_s for attempt, reply in pairs if attempt.link_id in again)
                log.info("orders_wait_for_the_venue", orders=len(waiting), pause_s=pause)
                await asyncio.sleep(pause)

    def _may_go_again(self, attempt: Attempt, reply: Reply) -> bool:
        """Refused for speed alone: the same id and the same body later, while the intent may still be sent."""
        if reply.kind is not ReplyKind.RATE_LIMITED:
            return False
        pause_ends = self._clock.now().timestamp() + reply.retry_after_s
        return pause_ends < attempt.send_before.timestamp()


def _final(reply: Reply) -> Reply:
    if reply.kind is ReplyKind.RATE_LIMITED:
        return Reply(kind=ReplyKind.REFUSED, reason=f"rate_limited: {reply.reason}")
    return reply
