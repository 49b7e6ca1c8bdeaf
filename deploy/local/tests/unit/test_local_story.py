"""What the demo shows of a position while events come in."""

from __future__ import annotations

import json
from typing import Any

from basketry_cli.gateway import GatewayClient
from basketry_cli.sse import ServerEvent
from basketry_local.story import Story, Teller


def _leg(number: int, status: str, version: int) -> dict[str, Any]:
    return {"leg_id": f"leg-{number}", "number": number, "status": status, "version": version}


class Screen:
    """A demo that has bought two legs and only listens."""

    def __init__(self) -> None:
        self.story = Story(gateway_url="http://127.0.0.1:1", exchange_url="http://127.0.0.1:2")
        legs = [_leg(1, "PLANNED", 1), _leg(2, "PLANNED", 1)]
        self.story.position = {"position_id": "p-1", "status": "EXECUTING", "legs": legs}
        self._teller = Teller(GatewayClient("http://127.0.0.1:1"), self.story, lambda: None)

    def hear(self, name: str, **data: Any) -> None:
        text = json.dumps({"data": {"position_id": "p-1", **data}})
        self._teller._hear(ServerEvent(type=name, data=text, id="1"))

    @property
    def legs(self) -> list[tuple[int, str]]:
        return [(leg["number"], leg["status"]) for leg in self.story.position["legs"]]


def test_several_legs_of_one_event_are_shown() -> None:
    screen = Screen()
    screen.hear("legs_updated", legs=[_leg(2, "SUBMITTED", 2), _leg(1, "OPEN", 3)])
    assert screen.legs == [(1, "OPEN"), (2, "SUBMITTED")]


def test_a_leg_that_is_told_late_does_not_turn_the_board_back() -> None:
    screen = Screen()
    screen.hear("leg_filled", leg=_leg(1, "FILLED", 4))
    screen.hear("legs_updated", legs=[_leg(1, "PARTIALLY_FILLED", 3), _leg(2, "SUBMITTED", 2)])
    assert screen.legs == [(1, "FILLED"), (2, "SUBMITTED")]


def test_a_leg_that_was_not_known_yet_is_added_in_its_place() -> None:
    screen = Screen()
    screen.story.position["legs"] = [_leg(2, "OPEN", 2)]
    screen.hear("legs_updated", legs=[_leg(1, "OPEN", 2)])
    assert screen.legs == [(1, "OPEN"), (2, "OPEN")]
