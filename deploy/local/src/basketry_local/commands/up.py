"""`./basketry up`: everything on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio

from basketry_local.board import Board
from basketry_local.data_folder import AlreadyRunning, DataFolder
from basketry_local.demo_login import DemoLogin, ensure_demo_login
from basketry_local.environment import SettingUnreadable
from basketry_local.local_platform import LocalPlatform, NotReady
from basketry_local.servers.nats import NatsFailed
from basketry_local.servers.postgres import PostgresFailed
from basketry_local.session import Interrupted, StopSignal, local_platform


def run() -> int:
    """Exit status 0 after Ctrl-C, 1 when something did not come up, 3 when it is up already."""
    board = Board()
    try:
        asyncio.run(_up(board))
    except AlreadyRunning as already:
        board.say(f"{already}\n`./basketry status` shows it; Ctrl-C in its terminal stops it.")
        return 3
    except (NotReady, PostgresFailed, NatsFailed, SettingUnreadable) as failure:
        board.say(f"[red]not up:[/] {failure}")
        return 1
    except Interrupted:
        return 0
    return 0


async def _up(board: Board) -> None:
    stop = StopSignal()
    async with local_platform(DataFolder.of_this_machine(), board, stop) as platform:
        login = await stop.unless_stopped(ensure_demo_login(platform.gateway_url, platform.keyring.demo_password))
        _announce(board, platform, login)
        await stop.wait()


def _announce(board: Board, platform: LocalPlatform, login: DemoLogin) -> None:
    board.say(f"\n[bold green]Basketry is up[/] after {board.elapsed_s():.1f} s\n")
    board.say(f"  API             {platform.gateway_url}   ({platform.gateway_url}/docs)")
    board.say(f"  paper exchange  {platform.exchange_url}")
    board.say(f"  CoinGecko       {platform.ports.url('coingecko')}/api/v3 (a replay)")
    board.say(f"  demo login      {login.email}   password {login.password.get_secret_value()}")
    board.say(f"  logs            {platform.folder.logs}")
    board.say("\n  ./basketry demo in another terminal buys an index; Ctrl-C here stops everything\n")
