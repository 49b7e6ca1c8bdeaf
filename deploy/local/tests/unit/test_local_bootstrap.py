from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from basketry_local.layout import project_root

TOOLS = ("sh", "cat", "cksum", "cut", "date", "dirname", "mktemp", "printf", "readlink", "rm", "sed")
FAKE_PYTHON = """#!/bin/sh
case "$1" in
    -c | -V) echo "Python 3.12.0"; exit 0 ;;
    -m) if [ "$2" = basketry_local ]; then shift 2; echo "root=$BASKETRY_ROOT args=$*"; fi; exit 0 ;;
esac
"""


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A project folder with blanks and accents, whose environment is made of stand-ins that install nothing."""
    root = tmp_path / "our café basket"
    source = project_root()
    script = (source / "basketry").read_text()
    members = re.search(r"^members='([^']*)'", script, re.MULTILINE)
    assert members is not None
    for name in (
        "basketry",
        "requirements.lock",
        "pyproject.toml",
        *(f"{one}/pyproject.toml" for one in members[1].split()),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, root / name)
    return root


def _environment(tmp_path: Path, *, python: str | None) -> dict[str, str]:
    tools = tmp_path / "tools"
    tools.mkdir(exist_ok=True)
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    if python is not None:
        _program(tools / "python3", python)
    return {"PATH": str(tools), "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}


def _install_stand_ins(root: Path) -> None:
    version = re.search(r"^uv==(\S+)", (root / "requirements.lock").read_text(), re.MULTILINE)
    assert version is not None
    _program(root / ".venv" / "bin" / "python", FAKE_PYTHON)
    note = 'printf "%s\\n" "$*" >>"$(dirname "$0")/asked"'
    _program(
        root / ".venv" / "bin" / "uv", f'#!/bin/sh\n[ "$1" = --version ] && echo "uv {version[1]}" && exit 0\n{note}\n'
    )


def _run(script: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(script), *arguments], env=environment, capture_output=True, text=True, check=False, cwd="/", timeout=60
    )


def test_without_a_working_python_it_says_how_to_get_one(checkout: Path, tmp_path: Path) -> None:
    for python in (None, "#!/bin/sh\necho 'shim: version not installed' >&2\nexit 127\n"):
        done = _run(checkout / "basketry", _environment(tmp_path, python=python), "demo")
        assert done.returncode == 69
        assert "apt install python3 python3-venv" in done.stderr
        assert done.stdout == ""
        shutil.rmtree(tmp_path / "tools")


def test_it_installs_by_hash_once_and_then_starts_at_once(checkout: Path, tmp_path: Path) -> None:
    environment = _environment(tmp_path, python=None)
    _install_stand_ins(checkout)
    first = _run(checkout / "basketry", environment, "demo", "--json")
    assert first.stdout == f"root={checkout} args=demo --json\n"
    asked = (checkout / ".venv" / "bin" / "asked").read_text()
    assert f"pip sync --quiet --require-hashes {checkout}/requirements.lock" in asked
    assert f"-e {checkout}/services/market-data" in asked
    second = _run(checkout / "basketry", environment, "status")
    assert (second.stdout, second.stderr) == (f"root={checkout} args=status\n", "")
    assert (checkout / ".venv" / "bin" / "asked").read_text() == asked


def test_a_changed_lock_or_a_moved_folder_installs_again(checkout: Path, tmp_path: Path) -> None:
    environment = _environment(tmp_path, python=None)
    _install_stand_ins(checkout)
    _run(checkout / "basketry", environment)
    moved = checkout.rename(tmp_path / "moved")
    assert "checked by hash" in _run(moved / "basketry", environment).stderr
    with (moved / "requirements.lock").open("a") as lock:
        lock.write("\n")
    assert "checked by hash" in _run(moved / "basketry", environment).stderr
    assert _run(moved / "basketry", environment).stderr == ""


def test_a_link_to_the_script_finds_the_project(checkout: Path, tmp_path: Path) -> None:
    _install_stand_ins(checkout)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "b").symlink_to(os.path.relpath(checkout / "basketry", tmp_path / "bin"))
    (tmp_path / "bin" / "basketry").symlink_to("b")
    done = _run(tmp_path / "bin" / "basketry", _environment(tmp_path, python=None), "up")
    assert done.stdout == f"root={checkout} args=up\n"


def test_a_failed_install_shows_why_and_leaves_no_stamp(checkout: Path, tmp_path: Path) -> None:
    _install_stand_ins(checkout)
    uv = checkout / ".venv" / "bin" / "uv"
    uv.write_text(uv.read_text() + "echo 'no route to host' >&2\nexit 2\n")
    done = _run(checkout / "basketry", _environment(tmp_path, python=None), "up")
    assert done.returncode == 69
    assert "no route to host" in done.stderr
    assert not (checkout / ".venv" / "basketry.stamp").exists()
