from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from basketry_local.data_folder import AlreadyRunning, DataFolder
from basketry_local.processes import ProcessRegister

HOLD = "import sys; from pathlib import Path; from basketry_local.data_folder import DataFolder\nf = DataFolder(Path(sys.argv[1]))\nwith f.locked():\n f.write_state({'gateway': 'http://127.0.0.1:8080'}); print('held', flush=True); sys.stdin.read()"


def _holder(folder: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def _end(holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait(10)
    for pipe in (holder.stdin, holder.stdout):
        assert pipe is not None
        pipe.close()


def test_a_second_runner_is_told_where_the_first_one_is(tmp_path: Path) -> None:
    holder = _holder(tmp_path)
    try:
        with pytest.raises(AlreadyRunning, match=r"http://127\.0\.0\.1:8080"), DataFolder(tmp_path).locked():
            pass
    finally:
        _end(holder)


def test_a_killed_runner_leaves_neither_lock_nor_state(tmp_path: Path) -> None:
    holder = _holder(tmp_path)
    assert DataFolder(tmp_path).state() is not None
    _end(holder)
    assert DataFolder(tmp_path).state() is None
    with DataFolder(tmp_path).locked():
        pass


def test_what_a_killed_runner_left_running_is_ended_and_strangers_are_not(tmp_path: Path) -> None:
    register = ProcessRegister(tmp_path)
    left = subprocess.Popen(["sleep", "60"])
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        register.note("nats", left.pid)
        (tmp_path / "postgres.pid").write_text(f"{stranger.pid} a-start-time-that-is-not-its-own\n")
        assert register.end_leftovers(patience_s=1) == ["nats"]
        assert left.wait(5) != 0
        assert stranger.poll() is None
        assert list(tmp_path.glob("*.pid")) == []
    finally:
        for process in (left, stranger):
            process.kill()
            process.wait(5)


def test_erasing_leaves_an_empty_folder(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with folder.locked():
        (folder.root / "logs").mkdir()
        (folder.root / "logs" / "auth.log").write_text("x")
        folder.erase()
    assert [path.name for path in folder.root.iterdir()] == ["lock"]
