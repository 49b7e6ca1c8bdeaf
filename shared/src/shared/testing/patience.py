"""Waiting for something to become true, with a bound: tests never sleep in place of an event."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


class NeverHappened(AssertionError):
    """What a test waited for did not come true in time."""


@overload
async def eventually(
    probe: Callable[[], Awaitable[T]], *, timeout_s: float = ..., every_s: float = ..., because: str = ...
) -> T: ...


@overload
async def eventually(
    probe: Callable[[], T], *, timeout_s: float = ..., every_s: float = ..., because: str = ...
) -> T: ...


async def eventually(
    probe: Callable[[], Any],
    *,
    timeout_s: float = 30.0,
    every_s: float = 0.02,
    because: str = "",
) -> Any:
    """Ask again and again until the answer is truthy, and return it.

    Args:
        probe: A function or coroutine function; an AssertionError counts as "not yet" and is shown at the end.
        timeout_s: Patience in all.
        every_s: Pause between two questions.
        because: What is waited for, in the words of the test.

    Raises:
        NeverHappened: The time is over; the message holds the last answer.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while True:
        last: object
        try:
            answer = probe()
            value = await answer if inspect.isawaitable(answer) else answer
        except AssertionError as doubt:
            last = doubt
        else:
            if value:
                return value
            last = value
        if loop.time() >= deadline:
            what = because or getattr(probe, "__name__", "it")
            raise NeverHappened(f"{what}: not within {timeout_s} s; the last answer was {last!r}")
        await asyncio.sleep(every_s)
