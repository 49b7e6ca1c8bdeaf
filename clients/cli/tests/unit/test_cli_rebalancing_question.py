"""Automatic rebalancing is switched on with a question, where somebody is there to be asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from kit.small_gateway import served
from kit.terminal import at_a_terminal, said

from basketry_cli.gateway import Tokens
from basketry_cli.session_file import SessionFile

NAME = "46a35814-2209-4640-8259-abe19e56b410"
QUESTION = "Let it trade without asking?"
RULES: dict[str, Any] = {
    "mode": "suggested",
    "absolute_band": "0.05",
    "relative_band": "0.25",
    "calendar": "monthly",
    "cooldown_hours": 24,
    "buy_only": True,
}


class Desk:
    """A gateway with one position, and how it was told to be rebalanced."""

    def __init__(self) -> None:
        self.known = {**RULES, "state": "idle", "trigger": None, "reason": None}
        self.chosen: list[dict[str, Any]] = []
        self.app = FastAPI()
        self.app.get("/api/positions")(self._positions)
        self.app.get("/api/positions/{position_id}")(self._position)
        self.app.put("/api/positions/{position_id}/rebalancing")(self._choose)

    async def _positions(self) -> dict[str, Any]:
        return {"items": [{"position_id": NAME}]}

    async def _position(self, position_id: str) -> dict[str, Any]:
        return {"position_id": position_id, "rebalancing": self.known}

    async def _choose(self, position_id: str, chosen: dict[str, Any]) -> dict[str, Any]:
        assert position_id == NAME
        self.chosen.append(chosen)
        self.known = self.known | chosen
        return self.known


@pytest.fixture
def desk() -> Desk:
    return Desk()


@asynccontextmanager
async def at_home(desk: Desk, folder: Path) -> AsyncIterator[dict[str, str]]:
    async with served(desk.app) as url:
        session = folder / "session.json"
        SessionFile(session).keep(url, Tokens(access="access", refresh="refresh"), current=True)
        yield {"BASKETRY_SESSION": str(session), "BASKETRY_GATEWAY": url}


@pytest.mark.parametrize(("answer", "status", "mode"), [("n", 1, []), ("", 1, []), ("y", 0, ["automatic"])])
async def test_a_person_is_asked_before_it_trades_by_itself_and_nothing_but_a_yes_is_one(
    desk: Desk, tmp_path: Path, answer: str, status: int, mode: list[str]
) -> None:
    async with (
        at_home(desk, tmp_path) as home,
        at_a_terminal("rebalancing", NAME[:8], "--mode", "automatic", environment=home) as screen,
    ):
        await screen.sees(QUESTION)
        assert desk.chosen == []
        screen.types(answer)
        assert await screen.ends() == status, screen.text
        assert ("Nothing was changed." in screen.text) is not bool(mode)
    assert [chosen["mode"] for chosen in desk.chosen] == mode
    assert all(chosen == {**RULES, "mode": "automatic"} for chosen in desk.chosen), "what is not named stays"


async def test_whoever_said_yes_or_has_it_already_is_not_asked(desk: Desk, tmp_path: Path) -> None:
    async with at_home(desk, tmp_path) as home:
        for words in (("--mode", "automatic", "--yes"), ("--mode", "automatic", "--band", "7")):
            async with at_a_terminal("rebalancing", NAME[:8], *words, environment=home) as screen:
                assert await screen.ends() == 0, screen.text
                assert QUESTION not in screen.text
    assert [(chosen["mode"], chosen["absolute_band"]) for chosen in desk.chosen] == [
        ("automatic", "0.05"),
        ("automatic", "0.07"),
    ]


async def test_a_script_says_what_it_wants_and_looking_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    async with at_home(desk, tmp_path) as home:
        looked = await asyncio.to_thread(said, home, "rebalancing", NAME[:8])
        assert (looked.returncode, "rebalancing suggested" in looked.stdout, desk.chosen) == (0, True, [])
        told = await asyncio.to_thread(said, home, "rebalancing", NAME[:8], "--mode", "automatic", "--json")
    assert told.returncode == 0, told.stderr
    assert [chosen["mode"] for chosen in desk.chosen] == ["automatic"]
