"""What one transaction tells: many legs and matches in one event, a filled leg once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from execution.application.told import FillTold, LegTold, PositionTold, Told
from execution.domain.fill import Fill
from execution.domain.leg import Leg
from execution.domain.position import Position, RunKind
from execution.inbound import views
from execution.outbound.postgres.announcements import LEGS_MOST, Announcer, Views
from shared.contracts.execution import FillsBooked, LegFilled, LegsUpdated, PositionActive
from shared.runtime.outbox import Announcement, Outbox
from shared.testing import FakeIds
from shared.trading.status import LegStatus, PositionStatus, Side, VenueEnvironment

D = Decimal
USER, ACCOUNT, POSITION, RUN = (UUID(int=number) for number in (2, 1, 3, 4))


class Shelf:
    """Keeps what would enter the outbox."""

    def __init__(self) -> None:
        self.kept: list[Announcement] = []

    async def join(self, _writes: object, announcements: Sequence[Announcement]) -> None:
        self.kept += announcements


def a_leg(number: int, status: LegStatus = LegStatus.SUBMITTED, *, version: int = 2, run: UUID = RUN) -> Leg:
    return Leg(
        leg_id=UUID(int=100 + number),
        user_id=USER,
        account_id=ACCOUNT,
        position_id=POSITION,
        run_id=run,
        number=number,
        symbol=f"C{number}USDT",
        base_asset=f"C{number}",
        quote_asset="USDT",
        side=Side.BUY,
        status=status,
        target_weight=D("0.05"),
        quantity=D(1),
        limit_price=D(10),
        lot_size=D("0.1"),
        min_quantity=D("0.1"),
        min_notional=D(5),
        version=version,
    )


def a_fill(number: int, run: UUID = RUN) -> Fill:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    return Fill(
        account_id=ACCOUNT,
        exec_id=f"e-{number}",
        user_id=USER,
        position_id=POSITION,
        leg_id=UUID(int=100 + number),
        run_id=run,
        symbol=f"C{number}USDT",
        base_asset=f"C{number}",
        quote_asset="USDT",
        side=Side.BUY,
        price=D(10),
        quantity=D(1),
        fee=D("0.001"),
        fee_asset=f"C{number}",
        at=now,
        client_order_id=f"bp{number}",
        venue_order_id=f"v{number}",
        booked_at=now,
    )


async def announced(*told: Told) -> list[Announcement]:
    shelf = Shelf()
    shown = Views(
        position=views.position_view,
        leg=views.leg_view,
        fill=views.fill_view,
        flow=views.flow_view,
        shortage=views.shortage_view,
        release=views.release_view,
    )
    announcer = Announcer(cast("Outbox", shelf), FakeIds(), shown)
    await announcer.announce(cast("Any", None), [(one, None) for one in told])
    return shelf.kept


async def test_legs_of_a_run_leave_as_one_event() -> None:
    [event] = await announced(*(LegTold(leg=a_leg(number, version=number + 2)) for number in range(20)))
    assert isinstance(event.data, LegsUpdated)
    assert [leg.version for leg in event.data.legs] == list(range(2, 22))
    assert (event.data.position_id, event.aggregate_version) == (POSITION, 1)


async def test_a_filled_leg_is_told_alone_with_its_last_state_and_not_among_the_others() -> None:
    filled = a_leg(0, LegStatus.FILLED, version=3)
    sold_out = replace(filled, residual=D("0.01"), version=4)
    events = await announced(
        LegTold(leg=filled, filled=True), LegTold(leg=a_leg(1)), LegTold(leg=sold_out), FillTold(fill=a_fill(0))
    )
    updated, alone, booked = (event.data for event in events)
    assert isinstance(updated, LegsUpdated)
    assert [leg.number for leg in updated.legs] == [1]
    assert isinstance(alone, LegFilled)
    assert (alone.leg.residual, alone.leg.version, events[1].aggregate_version) == (D("0.01"), 4, 4)
    assert isinstance(booked, FillsBooked)


async def test_what_changes_of_a_leg_after_it_was_filled_does_not_tell_it_filled_again() -> None:
    [event] = await announced(LegTold(leg=a_leg(0, LegStatus.FILLED, version=5)))
    assert isinstance(event.data, LegsUpdated)
    assert [leg.status for leg in event.data.legs] == [LegStatus.FILLED]


async def test_matches_of_two_runs_are_two_events() -> None:
    other = UUID(int=5)
    events = await announced(*(FillTold(fill=a_fill(number, run)) for number, run in ((0, RUN), (1, other), (2, RUN))))
    booked = [event.data for event in events]
    assert [[fill.exec_id for fill in one.fills] for one in booked if isinstance(one, FillsBooked)] == [
        ["e-0", "e-2"],
        ["e-1"],
    ]
    assert events[0].aggregate_id == f"{ACCOUNT}:e-0"


async def test_the_event_of_a_long_life_stays_small_enough_for_the_bus() -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    position = Position(
        position_id=POSITION,
        user_id=USER,
        account_id=ACCOUNT,
        environment=VenueEnvironment.PAPER,
        index_id="top-50",
        index_version=1,
        status=PositionStatus.ACTIVE,
        run_id=RUN,
        run_kind=RunKind.REBALANCE,
        approved_amount=D(1000),
        created_at=now,
        updated_at=now,
        traded_at=now,
    )
    legs = [replace(a_leg(number), leg_id=UUID(int=1000 + number)) for number in range(3000)]
    [event] = await announced(PositionTold(position=position, legs=legs))
    assert isinstance(event.data, PositionActive)
    assert [leg.number for leg in event.data.position.legs] == list(range(3000 - LEGS_MOST, 3000))
    assert len(event.data.model_dump_json()) < 500_000, "a megabyte is the most that the bus takes"
