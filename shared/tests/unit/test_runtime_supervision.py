"""Loops that fall stand up again."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry

from shared.runtime.supervision import Supervisor
from shared.testing import eventually


async def test_a_loop_that_falls_is_started_again_and_counted() -> None:
    registry, falls = CollectorRegistry(), []

    async def loop() -> None:
        falls.append(1)
        if len(falls) < 2:
            raise RuntimeError
        await asyncio.Event().wait()

    supervisor = Supervisor(registry)
    supervisor.start("one", loop)
    await eventually(lambda: len(falls) == 2)
    assert registry.get_sample_value("loop_falls_total", {"loop": "one"}) == 1
    await supervisor.stop()


async def test_stopping_waits_until_a_loop_has_cleaned_up() -> None:
    cleaned: list[str] = []

    async def loop() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            cleaned.append("done")

    supervisor = Supervisor(CollectorRegistry())
    supervisor.start("one", loop)
    supervisor.start("two", loop)
    await asyncio.sleep(0)
    await supervisor.stop("one")
    assert cleaned == ["done"]
    await supervisor.stop()
    assert cleaned == ["done", "done"]


async def test_a_loop_whose_cleaning_up_fails_is_not_started_again() -> None:
    starts: list[int] = []

    async def loop() -> None:
        starts.append(1)
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("the database is away")

    supervisor = Supervisor(CollectorRegistry())
    supervisor.start("one", loop)
    await asyncio.sleep(0)
    await supervisor.stop()
    assert starts == [1]


async def test_a_cancellation_that_a_library_lost_is_repeated() -> None:
    lost: list[int] = []

    async def loop() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if lost:
                    raise
                lost.append(1)

    supervisor = Supervisor(CollectorRegistry(), cancel_again_s=0.01)
    supervisor.start("one", loop)
    await asyncio.sleep(0)
    await asyncio.wait_for(supervisor.stop(), 5)
    assert lost == [1]
