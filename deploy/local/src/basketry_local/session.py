"""A platform for as long as a command runs: locked, started, watched, and taken down whatever ends the command."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from basketry_local.board import Board
from basketry_local.data_folder import DataFolder
from basketry_local.environment import choose_ports
from basketry_local.local_platform import LocalPlatform


class Interrupted(Exception):
    """The person at the terminal, or the system, asked to stop."""


class StopSignal:
    """Ctrl-C and SIGTERM as something to wait for."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._event.set)

    async def wait(self) -> None:
        """Until somebody asks to stop."""
        await self._event.wait()

    async def unless_stopped(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do the work, or give it up when somebody asks to stop.

        Raises:
            Interrupted: They did.
        """
        doing = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._event.wait())
        await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if doing.done():
            return doing.result()
        doing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await doing
        raise Interrupted


@contextlib.asynccontextmanager
async def local_platform(folder: DataFolder, board: Board, stop: StopSignal) -> AsyncIterator[LocalPlatform]:
    """Everything up and watched inside the block.

    Raises:
        AlreadyRunning: Another runner holds the folder.
        NotReady: A part did not come up.
        Interrupted: Somebody asked to stop while it was starting.
    """
    with folder.locked():
        ports = choose_ports()
        platform = LocalPlatform(folder, ports=ports, board=board)
        folder.write_state(platform.addresses())
        try:
            with board:
                for part, wanted in ports.replaced.items():
                    board.say(f"port {wanted} is taken: {part.replace('_', '-')} listens on {ports[part]} instead")
                await stop.unless_stopped(platform.start())
            async with platform.watched():
                yield platform
        finally:
            folder.clear_state()
            board.say("stopping …")
            platform.stop()
            board.say("stopped")
