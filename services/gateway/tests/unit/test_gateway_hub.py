from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from gateway.application.freshness import Freshness
from gateway.application.hub import QUEUE, Ended, Hub
from gateway.application.live_event import LiveEvent
from gateway.application.ports import FeedBounds, FeedMessage
from gateway.application.turns import Turns

ADA, BOB = uuid4(), uuid4()


def message(sequence: int, user: UUID = ADA, *, event: UUID | None = None, domain: str = "execution") -> FeedMessage:
    subject = f"{domain}.v1.leg_filled.{user}.{uuid4()}"
    return FeedMessage(sequence=sequence, subject=subject, body=b"{}", event_id=event)


def bounds(last: int, epoch: str = "a") -> FeedBounds:
    return FeedBounds(epoch=epoch, first_sequence=1, last_sequence=last)


class Counting:
    """Formats, and counts how often."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, epoch: str, message: FeedMessage) -> LiveEvent | None:
        self.calls += 1
        return LiveEvent("leg_filled", "{}", id=f"{epoch}-{message.sequence}")


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def hub(counting: Counting) -> Hub:
    hub = Hub(counting)
    hub.live(bounds(10))
    return hub


async def test_an_event_is_formatted_once_for_all_browsers_of_its_user_and_for_nobody_else(
    hub: Hub, counting: Counting
) -> None:
    mine = [await hub.join(ADA, timeout_s=1) for _ in range(3)]
    other = await hub.join(BOB, timeout_s=1)
    hub.publish(ADA, message(11))
    hub.publish(uuid4(), message(12))
    hub.publish(None, message(13))
    assert counting.calls == 1
    assert [[chunk.event.id for chunk in one.take()] for one in mine] == [["a-11"]] * 3
    assert other.take() == []


async def test_each_spelling_of_an_event_is_made_once() -> None:
    made: list[str] = []

    def spelling(event: LiveEvent) -> bytes:
        made.append(event.name)
        return event.data.encode()

    event = LiveEvent("leg_filled", "{}")
    assert [event.spelled(spelling), event.spelled(spelling)] == [b"{}", b"{}"]
    assert made == ["leg_filled"]


async def test_what_was_seen_before_is_dropped(hub: Hub) -> None:
    listener = await hub.join(ADA, timeout_s=1)
    for sequence in (11, 12, 11, 10, 12, 13):
        hub.publish(ADA, message(sequence))
    assert [chunk.sequence for chunk in listener.take()] == [11, 12, 13]


async def test_a_slow_browser_is_let_go_and_the_others_go_on(hub: Hub) -> None:
    slow, quick = await hub.join(ADA, timeout_s=1), await hub.join(ADA, timeout_s=1)
    told: list[str] = []
    slow.on_end = lambda: told.append("cancelled")
    for sequence in range(11, 11 + QUEUE + 1):
        hub.publish(ADA, message(sequence))
        quick.take()
    assert (slow.ended, told) == (Ended.OVERFLOW, ["cancelled"])
    assert quick.ended is None
    assert len(slow.waiting) == QUEUE


async def test_a_rebuilt_stream_lets_everybody_go_and_counts_anew(hub: Hub) -> None:
    listener = await hub.join(ADA, timeout_s=1)
    hub.paused()
    hub.live(bounds(0, epoch="b"))
    assert listener.ended is Ended.REBUILT
    again = await hub.join(ADA, timeout_s=1)
    assert (again.epoch, again.joined_at) == ("b", 0)
    hub.publish(ADA, message(1))
    assert [chunk.event.id for chunk in again.take()] == ["b-1"]


async def test_a_pause_of_the_same_stream_keeps_browsers_and_position(hub: Hub) -> None:
    listener = await hub.join(ADA, timeout_s=1)
    hub.publish(ADA, message(11))
    hub.paused()
    with pytest.raises(TimeoutError):
        await hub.join(ADA, timeout_s=0.01)
    hub.live(bounds(15))
    assert hub.seen == 11, "what was missed is still to come"
    assert listener.ended is None


async def test_stopping_lets_go_whoever_is_there_and_whoever_comes(hub: Hub) -> None:
    listener = await hub.join(ADA, timeout_s=1)
    hub.close_all()
    assert listener.ended is Ended.STOPPING
    assert (await hub.join(ADA, timeout_s=1)).ended is Ended.STOPPING


async def test_twins_wait_for_each_other_and_leave_nothing_behind() -> None:
    turns = Turns()
    order: list[str] = []

    async def go(name: str, number: int) -> None:
        async with turns.of(name):
            order.append(f"{name}{number} in")
            await asyncio.sleep(0)
            order.append(f"{name}{number} out")

    await asyncio.gather(*(go("a", number) for number in range(3)), go("b", 0))
    in_a = [entry for entry in order if entry.startswith("a")]
    assert in_a == ["a0 in", "a0 out", "a1 in", "a1 out", "a2 in", "a2 out"]
    assert order.index("b0 in") < order.index("a0 out")
    assert not turns._locks


class FakePainted:
    def __init__(self) -> None:
        self.events: set[UUID] = set()
        self.asked = 0

    async def among(self, events: set[UUID]) -> set[UUID]:
        self.asked += 1
        return self.events & events


async def test_a_read_waits_for_what_was_heard_and_then_never_asks_again() -> None:
    painted, event = FakePainted(), uuid4()
    fresh = Freshness(painted)
    fresh.heard(message(1, event=event))
    reading = asyncio.create_task(fresh.about(ADA))
    done, _ = await asyncio.wait({reading}, timeout=0.1)
    assert not done
    painted.events.add(event)
    await asyncio.wait_for(reading, 30)
    asked = painted.asked
    await fresh.about(ADA)
    assert painted.asked == asked


async def test_a_read_waits_a_bounded_time_and_only_once() -> None:
    painted = FakePainted()
    fresh = Freshness(painted, patience_s=0.05)
    fresh.heard(message(1, event=uuid4()))
    await asyncio.wait_for(fresh.about(ADA), 30)
    asked = painted.asked
    await fresh.about(ADA)
    assert painted.asked == asked


async def test_reads_do_not_wait_for_strangers_or_for_what_is_not_painted() -> None:
    painted = FakePainted()
    fresh = Freshness(painted)
    fresh.heard(message(1, BOB, event=uuid4()))
    fresh.heard(message(2, ADA, event=uuid4(), domain="orders"))
    fresh.heard(message(3, ADA, event=None))
    await fresh.about(ADA)
    assert painted.asked == 0
