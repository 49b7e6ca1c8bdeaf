"""The inbox forgets what cannot come again, and nothing younger."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from kit.rooms import Room

from shared.contracts.topology import STREAMS
from shared.runtime.inbox import prune_inbox
from shared.runtime.process import Process
from shared.testing import eventually

pytestmark = pytest.mark.integration
LONGEST = max(spec.max_age_s for spec in STREAMS)


async def a_row(room: Room, *, age_s: float) -> None:
    await room.look(
        f"insert into {room.service}.inbox values ('execution-orders', $1, now() - $2::interval)",
        uuid4(),
        timedelta(seconds=age_s),
    )


async def rows(room: Room) -> int:
    return len(await room.look(f"select 1 from {room.service}.inbox"))


async def test_rows_outlive_the_longest_stream_by_a_day(execution_room: Room) -> None:
    for age_s in (0, LONGEST + 86_000, *[LONGEST + 86_800] * 5):
        await a_row(execution_room, age_s=age_s)
    assert await prune_inbox(execution_room.database, execution_room.inbox, at_once=2) == 5
    assert await rows(execution_room) == 2
    assert await prune_inbox(execution_room.database, execution_room.inbox) == 0


async def test_every_process_with_an_inbox_prunes_it(gateway: Room) -> None:
    await a_row(gateway, age_s=LONGEST + 86_800)
    await a_row(gateway, age_s=0)
    async with Process("gateway", gateway.settings, database=gateway.database, outbox=gateway.outbox).running():
        await eventually(lambda: _one(gateway))


async def _one(room: Room) -> bool:
    return await rows(room) == 1
