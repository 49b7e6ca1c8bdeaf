"""The suites of `./basketry test`: which commands each one runs, and in which folders."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NO_TESTS = 5
"""pytest's exit status when a folder holds no test."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a suite.

    Args:
        suite: The suite's name.
        title: What it proves, in a word or two.
        command: Program and arguments, run in the project's folder.
        fine: Exit statuses that count as success.
    """

    suite: str
    title: str
    command: tuple[str, ...]
    fine: tuple[int, ...] = (0,)


PYTEST_SUITES = ("unit", "integration", "journeys", "faults", "security")
SUITES = ("check", *PYTEST_SUITES)


def steps_of(suite: str, root: Path, *, every: bool) -> list[Step]:
    """The commands of one suite.

    Args:
        suite: One of `SUITES`.
        root: The project's folder.
        every: The slow tests too.
    """
    if suite == "check":
        return list(_check_steps(root))
    folders = _test_folders(suite, root)
    if not folders:
        return []
    selection = () if every else ("-m", "not slow")
    command = (*_python("pytest"), "-q", *selection, *folders)
    return [Step(suite, "pytest", command, fine=(0, _NO_TESTS))]


def _check_steps(root: Path) -> Iterator[Step]:
    yield Step("check", "ruff check", (*_python("ruff"), "check", "--quiet", "."))
    yield Step("check", "ruff format", (*_python("ruff"), "format", "--check", "--quiet", "."))
    yield Step("check", "import contracts", (_tool("lint-imports"), "--no-cache"))
    sources = _existing(root, ["shared/src", "services/*/src", "deploy/local/src", "clients/cli/src"])
    modules, doubles = _test_modules(root)
    yield Step("check", "mypy", (*_python("mypy"), *sources, *modules))
    for module in doubles:
        yield Step("check", f"mypy {module}", (*_python("mypy"), module))
    yield Step("check", "event schemas", (*_python("shared.contracts.schemas"), "--check"))
    yield Step("check", "OpenAPI", (*_python("gateway.inbound.openapi"), "--check"))


def _test_folders(suite: str, root: Path) -> list[str]:
    homes = ("shared/tests", "services/*/tests", "deploy/local/tests", "clients/cli/tests")
    patterns = {
        "unit": [f"{home}/unit" for home in homes],
        "integration": [*(f"{home}/{kind}" for home in homes for kind in ("integration", "api")), "tests/contracts"],
    }
    return _existing(root, patterns.get(suite, [f"tests/{suite}"]))


def _test_modules(root: Path) -> tuple[list[str], list[str]]:
    """Test modules for one run of mypy, and those whose name another one has: mypy takes each name only once."""
    homes = _existing(root, ["shared/tests", "services/*/tests", "deploy/local/tests", "clients/cli/tests", "tests"])
    seen: set[str] = set()
    first: list[str] = []
    doubles: list[str] = []
    for path in sorted(path for home in homes for path in (root / home).rglob("*.py")):
        inside = str(path.relative_to(root))
        (doubles if path.name in seen else first).append(inside)
        seen.add(path.name)
    return first, doubles


def _existing(root: Path, patterns: list[str]) -> list[str]:
    found = {path for pattern in patterns for path in root.glob(pattern)}
    return sorted(str(path.relative_to(root)) for path in found)


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module)


def _tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)
