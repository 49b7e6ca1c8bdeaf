"""Book what the user, or the venue by itself, did on an account beside our orders: on the user's own coins."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from execution.application.book_ports import Books, Work
from execution.application.linking import Linking
from execution.application.ports import Account, OrderVenue
from execution.application.told import FlowsTold, IncidentTold
from execution.domain.account_flow import AccountFlow, flow_lines, flow_of_line, flow_of_match
from execution.domain.venue_facts import ExecutionFact
from shared.trading.clock import Clock
from shared.trading.flow import is_trade_flow, line_flow, trade_flow

log = structlog.get_logger(__name__)

BEFORE_THE_OLDEST = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRecord:
    """Flows to look at again.

    Attributes:
        since: When the oldest of them happened.
    """

    account: Account
    flow_ids: Collection[str]
    since: datetime


class BookFlows:
    """Books only what the venue confirms; a flow is booked once, whoever asks for it and how often."""

    def __init__(self, *, books: Books, venue: OrderVenue, linking: Linking, clock: Clock) -> None:
        self._books = books
        self._venue = venue
        self._linking = linking
        self._clock = clock

    async def execute(self, record: FlowRecord) -> None:
        """Ask the venue for its matches and its log since the oldest flow, and book those that are named.

        Raises:
            Unavailable: the venue did not answer; the task comes again.
        """
        wanted = await self._unknown(record)
        if not wanted:
            return
        matches, flows = await self._look_again(record, wanted)
        async with self._books.work(record.account.user_id) as work:
            await work.lock(record.account.account_id)
            known = await work.known_flows(record.account.account_id, [flow.flow_id for flow in flows])
            await self._book(work, record.account, [flow for flow in flows if flow.flow_id not in known])
            work.tell(*(self._strange(record.account, match) for match in matches))

    async def _unknown(self, record: FlowRecord) -> set[str]:
        async with self._books.work(record.account.user_id) as work:
            known = await work.known_flows(record.account.account_id, record.flow_ids)
        return set(record.flow_ids) - known

    async def _look_again(
        self, record: FlowRecord, wanted: Collection[str]
    ) -> tuple[list[ExecutionFact], list[AccountFlow]]:
        """Matches of pairs whose coins we cannot tell, and the flows."""
        account, since, now = record.account, record.since - BEFORE_THE_OLDEST, self._clock.now()
        owner = {"user_id": account.user_id, "account_id": account.account_id}
        strange: list[ExecutionFact] = []
        flows: list[AccountFlow] = []
        if any(is_trade_flow(flow_id) for flow_id in wanted):
            for match in await self._venue.executions_since(account, since):
                if trade_flow(match.exec_id) not in wanted or self._linking.ours(match.link_id):
                    continue
                flow = flow_of_match(match, **owner, booked_at=now)
                if flow is None:
                    strange.append(match)
                else:
                    flows.append(flow)
        if not all(is_trade_flow(flow_id) for flow_id in wanted):
            flows += [
                flow_of_line(line, **owner, booked_at=now)
                for line in await self._venue.log_since(account, since)
                if line_flow(line.line_id) in wanted
            ]
        return strange, flows

    @staticmethod
    async def _book(work: Work, account: Account, flows: Sequence[AccountFlow]) -> None:
        if not flows:
            return
        await work.add_flows(flows)
        await work.add_lines([line for flow in flows for line in flow_lines(flow)])
        work.tell(FlowsTold(account=account, flows=flows))
        log.info("account_flows_booked", account_id=str(account.account_id), flows=len(flows))

    @staticmethod
    def _strange(account: Account, match: ExecutionFact) -> IncidentTold:
        return IncidentTold(
            user_id=account.user_id,
            account_id=account.account_id,
            code="pair_not_known",
            detail=f"A trade by hand of {match.symbol} is not in our books: we do not know the coins of this pair.",
            once=match.exec_id,
        )
