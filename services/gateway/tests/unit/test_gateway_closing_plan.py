"""When a closing plan may be executed: it sells something, or there is nothing to sell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from gateway.domain.errors import NothingToSell
from gateway.domain.plan import Plan
from shared.trading.status import VenueEnvironment

NOW = datetime(2026, 11, 21, tzinfo=UTC)
POSITION = UUID(int=7)


def a_close(*, executable: bool, obstacles: tuple[str, ...] = ()) -> Plan:
    return Plan(
        plan_id=UUID(int=1),
        user_id=UUID(int=2),
        account_id=UUID(int=3),
        environment=VenueEnvironment.PAPER,
        kind="close",
        index_id="top-10",
        index_version=1,
        position_id=POSITION,
        amount=Decimal(50),
        ceilings=(),
        created_at=NOW,
        expires_at=NOW + timedelta(seconds=60),
        executable=executable,
        obstacles=obstacles,
    )


def test_a_close_that_sells_nothing_is_refused_by_either_door_and_says_why() -> None:
    plan = a_close(executable=False, obstacles=("BTCUSDT: trading halted",))
    with pytest.raises(NothingToSell, match=r"\(BTCUSDT: trading halted\); nothing was ordered") as closing:
        plan.must_close(POSITION, NOW)
    with pytest.raises(NothingToSell) as running:
        plan.must_run(POSITION, 3, NOW)
    for said in (closing, running):
        assert said.value.context == {"obstacles": ["BTCUSDT: trading halted"]}


def test_a_close_of_cash_alone_needs_no_order() -> None:
    plan = a_close(executable=True)
    plan.must_close(POSITION, NOW)
    plan.must_run(POSITION, 3, NOW)
