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


def test_the_integration_suite_is_shared_out_to_two_runs_that_miss_nothing(tmp_path: Path) -> None:
    homes = [f"services/{name}/tests/integration" for name in ("auth", "keys", "gateway")]
    _touch(tmp_path, *(f"{home}/test_{number}.py" for number, home in enumerate(homes)))
    (tmp_path / homes[2] / "test_2.py").write_text("x" * 1000)
    first, second = steps_of("integration", tmp_path, every=False)
    assert sorted(part for step in (first, second) for part in step.command if part in homes) == sorted(homes)
    assert homes[2] in first.command
    assert not {homes[0], homes[1]} & set(first.command)
    assert first.chain != second.chain


def test_what_kills_runs_alone_and_everything_else_beside_others(tmp_path: Path) -> None:
    suites = ("faults", "journeys", "security")
    _touch(tmp_path, *(f"tests/{suite}/test_{suite}_a.py" for suite in suites))
    chains = [step.chain for suite in suites for step in steps_of(suite, tmp_path, every=False)]
    assert chains == ["", "journeys", "journeys"]


def test_every_suite_of_this_checkout_can_be_planned() -> None:
    for suite in SUITES:
        for step in steps_of(suite, project_root(), every=False):
            assert step.command
