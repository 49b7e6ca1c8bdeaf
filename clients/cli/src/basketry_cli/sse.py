"""Server-sent events, read line by line."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event of the stream.

    Args:
        type: The `event:` field, such as `portfolio.pnl_updated`.
        data: The `data:` field as it was sent.
        id: Where to resume after it.
    """

    type: str
    data: str
    id: str

    def json(self) -> Any:
        """The data, decoded."""
        return json.loads(self.data)


async def read_events(lines: AsyncIterable[str]) -> AsyncIterator[ServerEvent]:
    """Turn the lines of a stream into events; comments and heartbeats are left out."""
    kind, last_id = "message", ""
    data: list[str] = []
    async for line in lines:
        if not line:
            if data:
                yield ServerEvent(type=kind, data="\n".join(data), id=last_id)
            kind, data = "message", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "event":
            kind = value
        elif name == "id":
            last_id = value
