"""What was told, as events in the outbox of the same transaction; legs and matches of one run leave together.

A basket of twenty legs would otherwise make some sixty events exactly while it trades, and every reader pays for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID, uuid5

from execution.application.told import (
    FillTold,
    FlowsTold,
    IncidentTold,
    LegTold,
    PositionTold,
    ReleasesTold,
    ShortageTold,
    Told,
)
from execution.domain.account_flow import AccountFlow
from execution.domain.fill import Fill
from execution.domain.leg import Leg
from execution.domain.position import Position, Run
from execution.domain.release import Release
from execution.domain.shortage import Shortage
from shared.contracts.execution import (
    AccountFlowsBooked,
    CoinsReleased,
    FillsBooked,
    FillView,
    FlowView,
    IncidentRaised,
    LegFilled,
    LegsUpdated,
    LegView,
    PositionActive,
    PositionClosed,
    PositionClosing,
    PositionExecuting,
    PositionFailed,
    PositionRebalancing,
    PositionView,
    ReleaseView,
    ShortageChanged,
    ShortageView,
)
from shared.contracts.fields import EventData
from shared.runtime.bundle import Bundle
from shared.runtime.outbox import Announcement, Outbox
from shared.trading.clock import Ids
from shared.trading.status import PositionStatus

LEGS_MOST = 200
"""The newest legs that a position's event carries: those of its last runs. Older ones were told when they changed, and
an event with all legs of a long life would one day be larger than the bus takes."""
_POSITION_EVENTS: dict[PositionStatus, type[EventData]] = {
    PositionStatus.EXECUTING: PositionExecuting,
    PositionStatus.ACTIVE: PositionActive,
    PositionStatus.FAILED: PositionFailed,
    PositionStatus.REBALANCING: PositionRebalancing,
    PositionStatus.CLOSING: PositionClosing,
    PositionStatus.CLOSED: PositionClosed,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """How nouns are shown; the same functions answer questions."""

    position: Callable[[Position, Sequence[Leg]], PositionView]
    leg: Callable[[Leg], LegView]
    fill: Callable[[Fill], FillView]
    flow: Callable[[AccountFlow], FlowView]
    shortage: Callable[[Shortage, Mapping[UUID, Decimal]], ShortageView]
    release: Callable[[Release], ReleaseView]


@dataclass(slots=True)
class _Legs:
    """A run's legs that a transaction changed: the last state of each, and those that it filled."""

    last: dict[UUID, Leg] = field(default_factory=dict)
    filled: set[UUID] = field(default_factory=set)

    def add(self, told: LegTold) -> None:
        self.last[told.leg.leg_id] = told.leg
        if told.filled:
            self.filled.add(told.leg.leg_id)


@dataclass(slots=True)
class _Fills:
    """A run's matches that a transaction booked."""

    booked: list[Fill] = field(default_factory=list)


_Part = PositionTold | IncidentTold | FlowsTold | ShortageTold | ReleasesTold | _Legs | _Fills


class Announcer:
    """Writes events; state-carrying, each with its noun's version.

    An event of many nouns is an aggregate of its own: versions of twenty legs make no one count, and readers go by the
    version in each of its parts.
    """

    def __init__(self, outbox: Outbox, ids: Ids, views: Views) -> None:
        self._outbox = outbox
        self._ids = ids
        self._views = views

    async def announce(self, writes: Bundle, told: Sequence[tuple[Told, Run | None]]) -> None:
        """Put events into the outbox, with whatever else the transaction has yet to write."""
        parts = _together(told)
        await self._outbox.join(writes, [one for part, run in parts for one in self._announcements(part, run)])

    def _announcements(self, part: _Part, run: Run | None) -> Iterator[Announcement]:
        match part:
            case PositionTold():
                yield self._position(part, run)
            case IncidentTold():
                yield self._incident(part, run)
            case FlowsTold():
                yield self._flows(part)
            case ShortageTold():
                yield self._shortage(part)
            case ReleasesTold():
                yield self._releases(part, run)
            case _Legs():
                yield from self._legs(part, run)
            case _Fills():
                yield self._fills(part.booked, run)

    def _position(self, told: PositionTold, run: Run | None) -> Announcement:
        position = told.position
        kind = _POSITION_EVENTS[position.status]
        data = kind.model_validate({"position": self._views.position(position, told.legs[-LEGS_MOST:])})
        about = position.position_id
        return _announcement(data, position.user_id, about, run, aggregate=str(about), version=position.version)

    def _legs(self, legs: _Legs, run: Run | None) -> Iterator[Announcement]:
        changed = [leg for leg in legs.last.values() if leg.leg_id not in legs.filled]
        if changed:
            one = changed[0]
            data = LegsUpdated(
                user_id=one.user_id, position_id=one.position_id, legs=[self._views.leg(leg) for leg in changed]
            )
            yield _announcement(data, one.user_id, one.position_id, run, aggregate=str(self._ids.uuid()))
        for leg in (leg for leg in legs.last.values() if leg.leg_id in legs.filled):
            filled = LegFilled(user_id=leg.user_id, leg=self._views.leg(leg))
            yield _announcement(
                filled, leg.user_id, leg.position_id, run, aggregate=str(leg.leg_id), version=leg.version
            )

    def _fills(self, fills: Sequence[Fill], run: Run | None) -> Announcement:
        one = fills[0]
        data = FillsBooked(
            user_id=one.user_id,
            account_id=one.account_id,
            position_id=one.position_id,
            fills=[self._views.fill(fill) for fill in fills],
        )
        # A match is booked once, so the first one names the event.
        return _announcement(data, one.user_id, one.position_id, run, aggregate=f"{one.account_id}:{one.exec_id}")

    def _flows(self, told: FlowsTold) -> Announcement:
        account = told.account
        data = AccountFlowsBooked(
            user_id=account.user_id,
            account_id=account.account_id,
            flows=[self._views.flow(flow) for flow in told.flows],
        )
        # A flow is booked once, so the first one names the event.
        aggregate = f"{account.account_id}:{told.flows[0].flow_id}"
        return _announcement(data, account.user_id, account.account_id, None, aggregate=aggregate)

    def _shortage(self, told: ShortageTold) -> Announcement:
        shortage = told.shortage
        shares = {share.position_id: share.quantity for share in told.shares}
        data = ShortageChanged(user_id=shortage.user_id, shortage=self._views.shortage(shortage, shares))
        aggregate = str(shortage.shortage_id)
        about = shortage.account_id
        return _announcement(data, shortage.user_id, about, None, aggregate=aggregate, version=shortage.version)

    def _releases(self, told: ReleasesTold, run: Run | None) -> Announcement:
        one = told.releases[0]
        data = CoinsReleased(
            user_id=one.user_id,
            account_id=one.account_id,
            position_id=one.position_id,
            releases=[self._views.release(release) for release in told.releases],
        )
        # A change of a coin is told once, so the first one names the event.
        aggregate = f"{one.position_id}:{one.asset}:{one.entry}"
        return _announcement(data, one.user_id, one.position_id, run, aggregate=aggregate)

    def _incident(self, told: IncidentTold, run: Run | None) -> Announcement:
        data = IncidentRaised(
            user_id=told.user_id,
            account_id=told.account_id,
            position_id=told.position_id,
            code=told.code,
            detail=told.detail,
            client_order_id=told.client_order_id,
        )
        aggregate = str(self._ids.uuid())
        return _announcement(data, told.user_id, told.position_id, run, aggregate=aggregate, event_id=_once(told))


def _together(told: Sequence[tuple[Told, Run | None]]) -> list[tuple[_Part, Run | None]]:
    """Legs and matches of one run as one part each, where the first of them was told."""
    parts: list[tuple[_Part, Run | None]] = []
    legs: dict[UUID, _Legs] = {}
    fills: dict[UUID, _Fills] = {}
    for one, run in told:
        if isinstance(one, LegTold):
            if one.leg.run_id not in legs:
                parts.append((legs.setdefault(one.leg.run_id, _Legs()), run))
            legs[one.leg.run_id].add(one)
        elif isinstance(one, FillTold):
            if one.fill.run_id not in fills:
                parts.append((fills.setdefault(one.fill.run_id, _Fills()), run))
            fills[one.fill.run_id].booked.append(one.fill)
        else:
            parts.append((one, run))
    return parts


def _announcement(
    data: EventData,
    user_id: UUID,
    about: UUID | None,
    run: Run | None,
    *,
    aggregate: str,
    version: int = 1,
    event_id: UUID | None = None,
) -> Announcement:
    return Announcement(
        data=data,
        user_id=user_id,
        entity_id=about,
        aggregate_id=aggregate,
        aggregate_version=version,
        correlation_id=run.correlation_id if run else None,
        causation_id=run.causation_id if run else None,
        event_id=event_id,
    )


def _once(told: IncidentTold) -> UUID | None:
    """The same incident has the same id, which the outbox and every inbox take once."""
    return None if told.once is None else uuid5(told.account_id, f"{told.code}:{told.once}")
