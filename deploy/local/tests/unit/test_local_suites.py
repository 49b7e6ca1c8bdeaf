from __future__ import annotations

from pathlib import Path

from basketry_local.layout import project_root
from basketry_local.suites import SUITES, steps_of


def _touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")


def test_the_unit_suite_takes_every_members_unit_folder(tmp_path: Path) -> None:
    _touch(
        tmp_path,
        "services/auth/tests/unit/test_auth_a.py",
        "services/keys/tests/unit/test_keys_a.py",
        "services/keys/tests/integration/test_keys_b.py",
    )
    (step,) = steps_of("unit", tmp_path, every=False)
    assert step.command[-2:] == ("services/auth/tests/unit", "services/keys/tests/unit")
    assert "not slow" in step.command


def test_all_runs_the_slow_ones_too(tmp_path: Path) -> None:
    _touch(tmp_path, "tests/faults/test_faults_a.py")
    (step,) = steps_of("faults", tmp_path, every=True)
    assert "not slow" not in step.command


def test_types_are_checked_with_each_module_name_once_a_run(tmp_path: Path) -> None:
    _touch(
        tmp_path,
        "services/auth/tests/conftest.py",
        "services/keys/tests/conftest.py",
        "services/keys/tests/unit/test_keys_a.py",
    )
    runs = [step.command for step in steps_of("check", tmp_path, every=False) if "mypy" in step.title]
    assert [sum(part.endswith("conftest.py") for part in run) for run in runs] == [1, 1]


def test_every_suite_of_this_checkout_can_be_planned() -> None:
    for suite in SUITES:
        for step in steps_of(suite, project_root(), every=False):
            assert step.command
