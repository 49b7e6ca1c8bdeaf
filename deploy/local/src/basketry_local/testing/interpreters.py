"""One preloaded interpreter for all platforms of a test run: importing every service again costs seconds."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from basketry_local.environment import EXCHANGE
from basketry_local.launchers import Launcher, best_launcher
from shared.contracts.topology import SERVICES


@functools.cache
def shared_launcher() -> Launcher:
    """Starts services as forks of one interpreter; it ends with the test run. Call it from the main thread."""
    room = tempfile.mkdtemp(prefix="basketry-preload-")
    atexit.register(shutil.rmtree, room, ignore_errors=True)
    launcher = best_launcher((*SERVICES, EXCHANGE), Path(room) / "preload.log")
    atexit.register(launcher.close)
    return launcher
