"""`./basketry exchange`: the paper exchange alone, for clients of Bybit's protocol written by anybody."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from rich.console import Console

from basketry_local.data_folder import DataFolder
from basketry_local.environment import EXCHANGE, choose_ports, exchange_environment
from basketry_local.keyring import Keyring


def run(*, port: int) -> int:
    """Becomes the exchange's own process; returns only when the port is taken (status 1)."""
    console = Console(stderr=True)
    ports = choose_ports({EXCHANGE: port, "coingecko": port + 1})
    if EXCHANGE in ports.replaced:
        console.print(f"port {port} is taken; `./basketry exchange --port N` listens on another")
        return 1
    # A journal of its own: the platform's exchange may be running.
    folder = DataFolder(DataFolder.of_this_machine().root / "exchange-alone")
    keyring = Keyring(folder.secrets)
    environment = exchange_environment(folder=folder, keyring=keyring, ports=ports)
    console.print(f"paper exchange on {ports.url(EXCHANGE)}, CoinGecko's replay on {ports.url('coingecko')}/api/v3")
    console.print(f"admin token for /paper/v1: {folder.secrets / 'paper-admin-token'}")
    ports.release()
    return _become_the_exchange(environment)


def _become_the_exchange(environment: dict[str, str]) -> NoReturn:
    os.execve(sys.executable, [sys.executable, "-m", "paper_exchange.main"], environment)  # noqa: S606
