from __future__ import annotations

from collections.abc import AsyncIterator

from basketry_cli.sse import ServerEvent, read_events


async def _lines(text: str) -> AsyncIterator[str]:
    for line in text.split("\n"):
        yield line


async def _read(text: str) -> list[ServerEvent]:
    return [event async for event in read_events(_lines(text))]


async def test_an_event_has_type_data_and_id() -> None:
    (event,) = await _read('id: 7-12\nevent: portfolio.pnl_updated\ndata: {"pnl": "1.5"}\n\n')
    assert (event.type, event.id, event.json()) == ("portfolio.pnl_updated", "7-12", {"pnl": "1.5"})


async def test_heartbeats_and_unfinished_events_are_left_out() -> None:
    assert await _read(": ping\n\nretry: 2000\n\nevent: x\ndata: half") == []


async def test_lines_of_data_belong_together_and_the_type_is_forgotten() -> None:
    first, second = await _read("event: a\ndata: 1\ndata: 2\n\ndata: 3\n\n")
    assert (first.type, first.data) == ("a", "1\n2")
    assert (second.type, second.data) == ("message", "3")
