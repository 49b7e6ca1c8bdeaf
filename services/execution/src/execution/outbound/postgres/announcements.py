"""What was told, as events in the outbox of the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from execution.application.told import FillTold, IncidentTold, LegTold, PositionTold, Told
from execution.domain.fill import Fill
from execution.domain.leg import Leg
from execution.domain.position import Position, Run
from shared.contracts.execution import (
    FillBooked,
    FillView,
    IncidentRaised,
    LegFilled,
    LegUpdated,
    LegView,
    PositionActive,
    PositionClosed,
    PositionClosing,
    PositionExecuting,
    PositionFailed,
    PositionView,
)
from shared.contracts.fields import EventData
from shared.runtime.outbox import Announcement, Outbox
from shared.trading.clock import Ids
from shared.trading.status import LegStatus, PositionStatus

_POSITION_EVENTS: dict[PositionStatus, type[EventData]] = {
    PositionStatus.EXECUTING: PositionExecuting,
    PositionStatus.ACTIVE: PositionActive,
    PositionStatus.FAILED: PositionFailed,
    PositionStatus.CLOSING: PositionClosing,
    PositionStatus.CLOSED: PositionClosed,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """How nouns are shown; the same functions answer questions."""

    position: Callable[[Position, Sequence[Leg]], PositionView]
    leg: Callable[[Leg], LegView]
    fill: Callable[[Fill], FillView]


class Announcer:
    """Writes events; state-carrying, each with its noun's version."""

    def __init__(self, outbox: Outbox, ids: Ids, views: Views) -> None:
        self._outbox = outbox
        self._ids = ids
        self._views = views

    async def announce(self, session: AsyncSession, told: Sequence[tuple[Told, Run | None]]) -> None:
        """Put events into the outbox, all in one round trip."""
        await self._outbox.add_all(session, [self._announcement(one, run) for one, run in told])

    def _announcement(self, told: Told, run: Run | None) -> Announcement:
        data, aggregate, version, entity = self._event(told)
        return Announcement(
            data=data,
            user_id=told.position.user_id if isinstance(told, PositionTold) else _user(told),
            entity_id=entity,
            aggregate_id=aggregate,
            aggregate_version=version,
            correlation_id=run.correlation_id if run else None,
            causation_id=run.causation_id if run else None,
            event_id=_once(told),
        )

    def _event(self, told: Told) -> tuple[EventData, str, int, str]:
        match told:
            case PositionTold(position=position, legs=legs):
                kind = _POSITION_EVENTS[position.status]
                data = kind.model_validate({"position": self._views.position(position, legs)})
                return data, str(position.position_id), position.version, str(position.position_id)
            case LegTold(leg=leg):
                view = self._views.leg(leg)
                filled = leg.status is LegStatus.FILLED
                leg_event = LegFilled if filled else LegUpdated
                return leg_event(user_id=leg.user_id, leg=view), str(leg.leg_id), leg.version, str(leg.position_id)
            case FillTold(fill=fill):
                booked = FillBooked(user_id=fill.user_id, account_id=fill.account_id, fill=self._views.fill(fill))
                return booked, f"{fill.account_id}:{fill.exec_id}", 1, str(fill.position_id)
            case IncidentTold():
                return self._incident(told)

    def _incident(self, told: IncidentTold) -> tuple[EventData, str, int, str]:
        incident = IncidentRaised(
            user_id=told.user_id,
            account_id=told.account_id,
            position_id=told.position_id,
            code=told.code,
            detail=told.detail,
            client_order_id=told.client_order_id,
        )
        return incident, str(self._ids.uuid()), 1, str(told.position_id or "_")


def _once(told: Told) -> UUID | None:
    """The same incident has the same id, which the outbox and every inbox take once."""
    if not isinstance(told, IncidentTold) or told.once is None:
        return None
    return uuid5(told.account_id, f"{told.code}:{told.once}")


def _user(told: LegTold | FillTold | IncidentTold) -> UUID:
    if isinstance(told, LegTold):
        return told.leg.user_id
    return told.fill.user_id if isinstance(told, FillTold) else told.user_id
