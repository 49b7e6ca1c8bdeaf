"""How values went: what the platform has kept, and what was seen since."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from decimal import Decimal

from basketry_cli.gateway import GatewayClient, Json
from basketry_cli.problems import ApiProblem
from basketry_cli.views.numbers import number, worth

KEPT = 240
ASKED = 20
"""Positions whose course is asked for; a list shows no more at a glance."""


class Courses:
    """Values by position, in order of time."""

    def __init__(self) -> None:
        self._values: dict[str, deque[Decimal]] = {}
        self._at: dict[str, str] = {}

    @property
    def values(self) -> dict[str, Sequence[Decimal]]:
        """Position id → its course."""
        return {name: tuple(course) for name, course in self._values.items()}

    def of(self, position: Json) -> Sequence[Decimal]:
        """The course of one."""
        return tuple(self._values.get(str(position["position_id"]), ()))

    async def load(self, client: GatewayClient, positions: Sequence[Json]) -> None:
        """What the platform has kept; a platform that keeps none is no error."""
        valued = [one for one in positions if one.get("pnl")][:ASKED]
        found = await asyncio.gather(*(_kept(client, str(one["position_id"])) for one in valued))
        for one, course in zip(valued, found, strict=True):
            self._values[str(one["position_id"])] = deque(course, KEPT)
            self.see(one)

    def see(self, position: Json) -> None:
        """The newest valuation, unless it was seen before."""
        pnl = position.get("pnl") or {}
        name = str(position["position_id"])
        if pnl and pnl.get("at") != self._at.get(name):
            self._at[name] = pnl["at"]
            self._values.setdefault(name, deque(maxlen=KEPT)).append(worth(pnl))


async def _kept(client: GatewayClient, position_id: str) -> list[Decimal]:
    try:
        found = await client.performance(position_id)
    except ApiProblem as problem:
        if problem.status == 401:
            raise
        return []
    return [number(point["value"]) for point in found.get("points", [])]
