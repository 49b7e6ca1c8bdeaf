"""`./basketry demo`: the product in a minute, on play money."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Self

import httpx
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from basketry_cli.gateway import GatewayClient
from basketry_cli.problems import ApiProblem
from basketry_cli.views.numbers import money
from basketry_cli.views.position import pnl_line, position_panel
from basketry_local.board import Board
from basketry_local.commands.status import readiness
from basketry_local.data_folder import AlreadyRunning, DataFolder
from basketry_local.environment import EXCHANGE, SettingUnreadable
from basketry_local.local_platform import NotReady
from basketry_local.servers.nats import NatsFailed
from basketry_local.servers.postgres import PostgresFailed
from basketry_local.session import Interrupted, StopSignal, local_platform
from basketry_local.story import Story, StoryFailed, Teller

_LOOKS = 400
"""How often a starting `up` is looked at, about two minutes in all."""


def run(*, once: bool, as_json: bool) -> int:
    """Exit status 0 when the index was bought and its value moved (or on Ctrl-C after that), else 1."""
    board = Board()
    try:
        return asyncio.run(_demo(board, once=once or as_json, as_json=as_json))
    except (AlreadyRunning, NotReady, PostgresFailed, NatsFailed, SettingUnreadable) as failure:
        board.say(f"[red]not up:[/] {failure}")
        return 1
    except Interrupted:
        return 130


async def _demo(board: Board, *, once: bool, as_json: bool) -> int:
    stop = StopSignal()
    async with _somewhere(board, stop) as (gateway_url, exchange_url):
        story = Story(gateway_url=gateway_url, exchange_url=exchange_url)
        async with GatewayClient(gateway_url) as client:
            with _Stage(story, board.console) as stage:
                teller = Teller(client, story, stage.draw)
                await _tell(teller, story, stop)
                if not once and story.ok:
                    stage.caption = "live; Ctrl-C ends it"
                    with contextlib.suppress(Interrupted):
                        await stop.unless_stopped(teller.watch())
        if as_json:
            sys.stdout.write(json.dumps(story.as_json()) + "\n")
            sys.stdout.flush()
        _conclude(story, board)
    return 0 if story.ok else 1


async def _tell(teller: Teller, story: Story, stop: StopSignal) -> None:
    try:
        await stop.unless_stopped(teller.until_it_moves())
    except (StoryFailed, ApiProblem, httpx.HTTPError) as failure:
        story.problem = str(failure) or type(failure).__name__


@contextlib.asynccontextmanager
async def _somewhere(board: Board, stop: StopSignal) -> AsyncIterator[tuple[str, str]]:
    """A platform that is up already, or one for as long as the demo runs."""
    folder = DataFolder.of_this_machine()
    state = folder.state()
    if state is not None:
        board.say(f"Basketry is up at {state.addresses['gateway']}: the demo runs there")
        await stop.unless_stopped(until_ready(lambda: _look(folder)))
        yield state.addresses["gateway"], state.addresses[EXCHANGE]
        return
    async with local_platform(folder, board, stop) as platform:
        yield platform.gateway_url, platform.exchange_url


async def _look(folder: DataFolder) -> bool | None:
    """Whether everything is ready there; None when it is not up any more."""
    state = folder.state()
    return None if state is None else all((await readiness(state)).values())


async def until_ready(look: Callable[[], Awaitable[bool | None]], *, pause_s: float = 0.3) -> None:
    """Wait for an `up` that is still starting.

    Args:
        look: True when it is ready, None when it has ended.
        pause_s: Seconds between two looks.

    Raises:
        NotReady: It has ended, or takes too long.
    """
    for _ in range(_LOOKS):
        ready = await look()
        if ready:
            return
        if ready is None:
            raise NotReady("what was starting has been stopped; nothing was bought")
        await asyncio.sleep(pause_s)
    raise NotReady("a part of it is not ready; ./basketry status says which. Nothing was bought")


class _Stage:
    """Draws the story on a terminal; elsewhere it only says its turns."""

    def __init__(self, story: Story, console: Console) -> None:
        self.caption = ""
        self._story = story
        self._console = console
        self._live = Live(console=console, refresh_per_second=8, get_renderable=self._scene)
        self._last_turn = ""

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.__enter__()
        return self

    def __exit__(self, *unused: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def draw(self) -> None:
        """After every change of the story; the terminal redraws by itself."""
        turn = str(self._story.position.get("status") or ("planned" if self._story.plan else "signed up"))
        if not self._console.is_terminal and turn != self._last_turn:
            self._console.print(f"[dim]demo:[/] {turn}", highlight=False)
        self._last_turn = turn

    def _scene(self) -> RenderableType:
        story = self._story
        rows: list[RenderableType] = [Text(f"user {story.email}", style="dim")] if story.email else []
        if story.account:
            rows.append(Text(f"paper account {story.account.get('venue_uid', '')}", style="dim"))
        if story.plan:
            legs = len(story.plan.get("legs", []))
            rows.append(Text(f"plan: {story.plan['index_id']} for {money(story.plan['amount'])} USDT in {legs} legs"))
        if story.position.get("legs"):
            rows.append(position_panel({**story.position, "pnl": story.last_pnl}))
        if self.caption:
            rows.append(Text(self.caption, style="dim"))
        return Group(*rows)


def _conclude(story: Story, board: Board) -> None:
    if story.problem:
        board.say(f"[red]the demo did not finish:[/] {story.problem}")
        return
    legs = len(story.position.get("legs", []))
    times = ", ".join(f"{what} after {ms} ms" for what, ms in story.timings_ms.items())
    board.say(f"[green]bought[/] {legs} legs: {times}")
    board.console.print(pnl_line(story.last_pnl))
