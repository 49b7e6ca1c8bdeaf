"""A fetch that finds nothing in time is ordinary, however the client says so."""

from __future__ import annotations

from typing import Any, cast

import nats.errors
import pytest
from faststream.nats import NatsBroker

from shared.contracts.topology import EXECUTION_ORDERS
from shared.runtime.consumption import Consumption
from shared.runtime.events import EventRouter
from shared.testing import FakeClock


class Script:
    """A subscription that answers as it is told, then has its subscriber stop."""

    def __init__(self, consumption: Consumption, *answers: Any) -> None:
        self.answers = list(answers)
        self.subscriber = cast("Any", consumption.subscriber)
        self.subscriber.subscription, self.subscriber.running = self, True

    async def fetch(self, batch: int, timeout: float) -> list[Any]:  # noqa: ASYNC109 - the client's signature
        answer = self.answers.pop(0)
        self.subscriber.running = bool(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return list(answer)

    async def consume(self) -> list[Any]:
        """What reached the handler."""
        handled = []

        async def handle(message: Any) -> None:
            handled.append(message)

        await self.subscriber._consume_pull(handle)
        return handled


@pytest.fixture
def consumption() -> Consumption:
    return Consumption(EventRouter(EXECUTION_ORDERS), NatsBroker(), service="execution", clock=FakeClock())


async def test_the_plain_timeout_of_the_client_ends_nothing(consumption: Consumption) -> None:
    script = Script(consumption, TimeoutError(), nats.errors.TimeoutError(), ["a"], TimeoutError(), ["b"])
    assert await script.consume() == ["a", "b"]


async def test_other_errors_still_come_out(consumption: Consumption) -> None:
    with pytest.raises(ZeroDivisionError):
        await Script(consumption, ZeroDivisionError(), ["a"]).consume()
