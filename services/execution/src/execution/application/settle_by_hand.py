"""An operator settles an order that waits for a person: the venue is asked once more, and what it shows comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import structlog

from execution.application.book_ports import Books, Work
from execution.application.bookkeeping import Bookkeeper
from execution.application.open_books import OpenBooks
from execution.application.ports import Account, Evidence, OrderVenue
from execution.application.settle_run import settle_run
from execution.domain.attempt import Attempt
from execution.domain.errors import (
    OrderMayStillLand,
    OrderNotFound,
    OrderNotWaiting,
    VenueCannotBeAsked,
    VenueKnowsTheOrder,
)
from execution.domain.hand_settlement import HandSettlement
from execution.domain.leg import SETTLED_BY_HAND
from execution.domain.protocol_times import ProtocolTimes
from execution.domain.venue_facts import Fact
from shared.trading.clock import Clock
from shared.trading.errors import Denied, NotFound, Unavailable
from shared.trading.money import plain
from shared.trading.status import AttemptState

log = structlog.get_logger(__name__)

REASON = SETTLED_BY_HAND
ASK_S = 15.0
"""For the venue's answer; whoever asked is still waiting then."""


class SettleByHand:
    """Ends an attempt on a person's evidence, with a record of who and why.

    Late matches are booked all the same, as for every order that has ended.
    """

    def __init__(
        self, *, books: Books, venue: OrderVenue, bookkeeper: Bookkeeper, times: ProtocolTimes, clock: Clock
    ) -> None:
        self._books = books
        self._venue = venue
        self._bookkeeper = bookkeeper
        self._times = times
        self._clock = clock

    async def execute(self, *, user_id: UUID, client_order_id: str, operator_id: UUID, evidence: str) -> Attempt:
        """Settle one order of a user.

        Args:
            user_id: Whose order it is.
            client_order_id: Ours.
            operator_id: Who decides.
            evidence: What they saw; kept for ever, and shown to the user.

        Returns:
            The attempt, cancelled, with what had filled.

        Raises:
            OrderNotFound: the user has no such order.
            OrderNotWaiting: it does not wait for a person, or not any more.
            OrderMayStillLand: it was sent too short a time ago.
            VenueKnowsTheOrder: the venue showed it; that was booked.
            VenueCannotBeAsked: the account's key works no more.
            Unavailable: the venue or our database did not answer; nothing was changed.
        """
        async with self._books.work(user_id) as work:
            attempt = await _waiting(work, client_order_id)
        await self._ask_again(attempt)
        return await self._settle(attempt, operator_id=operator_id, evidence=evidence)

    async def _ask_again(self, attempt: Attempt) -> None:
        if self._clock.now() < self._times.barrier(attempt.sent_by):
            raise OrderMayStillLand("Its last send may still reach the venue; nothing was changed. Try again soon.")
        account = _account(attempt)
        evidence = await self._look_up(account, attempt.link_id)
        facts: list[Fact] = list(evidence.executions)
        if evidence.order is not None:
            facts.append(evidence.order)
        if facts:
            await self._bookkeeper.book(account, facts)
            await self._must_be_stuck(attempt, facts)

    async def _look_up(self, account: Account, link_id: str) -> Evidence:
        try:
            async with asyncio.timeout(ASK_S):
                return await self._venue.look_up(account, link_id)
        except TimeoutError:
            detail = "The venue did not answer in time; nothing was changed."
            raise Unavailable(detail, code="venue_unavailable") from None
        except (Denied, NotFound) as error:
            raise VenueCannotBeAsked(
                "The account's key is refused or gone, so the venue cannot be asked; nothing was changed. "
                "The user must connect a working key first.",
                context={"why": error.code},
            ) from error

    async def _must_be_stuck(self, attempt: Attempt, facts: Sequence[Fact]) -> None:
        """What the venue showed must be an order that has ended, and nothing of it news: its matches never add up."""
        async with self._books.work(attempt.user_id) as work:
            now = await _find(work, attempt.link_id)
        figures = ("state", "filled_quantity", "final_state", "final_quantity")
        if now.final_state is not None and all(getattr(now, name) == getattr(attempt, name) for name in figures):
            return
        log.info("order_not_settled_by_hand", link_id=now.link_id, facts=len(facts), state=now.state.value)
        raise VenueKnowsTheOrder(
            "The venue shows this order or matches of it. That was booked instead: "
            f"the order is {now.state.value} with {plain(now.filled_quantity)} filled.",
            context={"state": now.state.value, "filled_quantity": plain(now.filled_quantity)},
        )

    async def _settle(self, seen: Attempt, *, operator_id: UUID, evidence: str) -> Attempt:
        """Move the attempt as it stands under the lock; no lease is needed, since nothing is sent."""
        async with self._books.work(seen.user_id) as work:
            await work.lock(seen.account_id)
            now = self._clock.now()
            attempt = await _waiting(work, seen.link_id)
            settled = attempt.settled_by_hand(now, reason=REASON)
            page = await OpenBooks.of(work, _account(attempt), [attempt], now=now)
            page.follow(settled)
            page.incident(settled, "order_settled_by_hand", _told(settled, operator_id, evidence))
            await page.save()
            await work.add_hand_settlement(
                HandSettlement(
                    user_id=attempt.user_id,
                    account_id=attempt.account_id,
                    client_order_id=attempt.link_id,
                    operator_id=operator_id,
                    evidence=evidence,
                    state_before=attempt.state,
                    filled_quantity=attempt.filled_quantity,
                    at=now,
                )
            )
            for run, again in page.runs_to_settle():
                await settle_run(work, run, now=now, again=again, times=self._times)
        log.warning("order_settled_by_hand", link_id=settled.link_id, operator_id=str(operator_id))
        return settled


async def _find(work: Work, link_id: str) -> Attempt:
    found = await work.attempts_by_link({link_id})
    if not found:
        raise OrderNotFound("This user has no order of that id.")
    return found[0]


async def _waiting(work: Work, link_id: str) -> Attempt:
    attempt = await _find(work, link_id)
    if attempt.state is not AttemptState.NEEDS_ATTENTION:
        why = f" ({attempt.reason})" if attempt.reason else ""
        raise OrderNotWaiting(
            f"Only an order that needs attention can be settled by hand; this one is {attempt.state.value}{why}.",
            context={"state": attempt.state.value},
        )
    return attempt


def _account(attempt: Attempt) -> Account:
    return Account(user_id=attempt.user_id, account_id=attempt.account_id, environment=attempt.environment)


def _told(attempt: Attempt, operator_id: UUID, evidence: str) -> str:
    return (
        f"Operator {operator_id} settled order {attempt.link_id} of {attempt.symbol} by hand, "
        f"with {plain(attempt.filled_quantity)} filled. Evidence: {evidence}"
    )
