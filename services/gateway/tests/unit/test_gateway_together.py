"""Group commit: what piles up is one lot, and nobody pays for a neighbour."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from gateway.outbound.together import Together
from shared.testing import eventually
from shared.trading.errors import Unavailable

ADA, BEN = uuid4(), uuid4()


class Shelf:
    """What was handled, lot by lot; `bad` is refused, and nothing is handled while `gate` is shut."""

    def __init__(self) -> None:
        self.lots: list[tuple[UUID, list[str]]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.away = False

    async def put(self, user_id: UUID, items: Sequence[str]) -> None:
        self.lots.append((user_id, list(items)))
        await self.gate.wait()
        if self.away:
            raise Unavailable("The shelf is away.", code="database_unavailable")
        if "bad" in items:
            raise ValueError("bad")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


async def test_what_arrives_while_a_lot_is_under_way_is_the_next_lot(shelf: Shelf) -> None:
    together: Together[str] = Together(shelf.put)
    shelf.gate.clear()
    first = asyncio.create_task(together.do(ADA, "a"))
    await eventually(lambda: shelf.lots)
    rest = [asyncio.create_task(together.do(ADA, item)) for item in "bcd"]
    other = asyncio.create_task(together.do(BEN, "e"))
    await eventually(lambda: len(shelf.lots) == 2)
    assert not first.done(), "nobody is told before the commit"
    shelf.gate.set()
    await asyncio.gather(first, *rest, other)
    assert shelf.lots == [(ADA, ["a"]), (BEN, ["e"]), (ADA, ["b", "c", "d"])]


async def test_one_that_cannot_be_handled_keeps_no_other_waiting(shelf: Shelf) -> None:
    together: Together[str] = Together(shelf.put)
    results = await asyncio.gather(*(together.do(ADA, item) for item in ("a", "bad", "b")), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), ValueError, type(None)]
    assert shelf.lots == [(ADA, ["a", "bad", "b"]), (ADA, ["a"]), (ADA, ["bad"]), (ADA, ["b"])]


async def test_while_the_database_is_away_a_lot_is_tried_once(shelf: Shelf) -> None:
    together: Together[str] = Together(shelf.put)
    shelf.away = True
    results = await asyncio.gather(*(together.do(ADA, item) for item in "ab"), return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable, Unavailable]
    assert len(shelf.lots) == 1


async def test_who_gives_up_waiting_takes_nobody_along(shelf: Shelf) -> None:
    together: Together[str] = Together(shelf.put)
    shelf.gate.clear()
    waiting = [asyncio.create_task(together.do(ADA, item)) for item in "ab"]
    await eventually(lambda: shelf.lots)
    waiting[0].cancel()
    shelf.gate.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError, type(None)]
    await together.do(ADA, "c")
    assert shelf.lots == [(ADA, ["a", "b"]), (ADA, ["c"])]
