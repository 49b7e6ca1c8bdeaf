"""The suites of `./basketry test`: which commands each one runs, and in which folders."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
        chain: Steps of one chain run one after the other, beside those of other chains; without one a step runs
            alone, because it measures time or wants the whole machine.
    """

    suite: str
    title: str
    command: tuple[str, ...]
    fine: tuple[int, ...] = (0,)
    chain: str = ""


PYTEST_SUITES = ("unit", "integration", "journeys", "faults", "security")
SUITES = ("check", *PYTEST_SUITES)
_CHAINS = {"unit": "unit", "journeys": "journeys", "security": "journeys"}
"""Suites that run beside others; the faults run alone, for their protocol times are scaled down."""


def steps_of(suite: str, root: Path, *, every: bool) -> list[Step]:
    """The commands of one suite.

    Args:
        suite: One of `SUITES`.
        root: The project's folder.
        every: The slow tests too.
    """
    if suite == "check":
        return [replace(step, chain="check") for step in _check_steps(root)]
    folders = _test_folders(suite, root)
    command = (*_python("pytest"), "-q", *(() if every else ("-m", "not slow")))
    if suite == "integration":
        halves = [half for half in _halves(folders, root) if half]
        return [
            Step(suite, f"pytest, part {number}", (*command, *half), (0, _NO_TESTS), chain=f"integration {number}")
            for number, half in enumerate(halves, start=1)
        ]
    chain = _CHAINS.get(suite, "")
    return [Step(suite, "pytest", (*command, *folders), (0, _NO_TESTS), chain)] if folders else []


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


def _halves(folders: list[str], root: Path) -> tuple[list[str], list[str]]:
    """Two lists of folders with about the same amount of tests: each has servers of its own, two cores share them."""
    halves: tuple[list[str], list[str]] = ([], [])
    weights = [0, 0]
    sizes = {folder: sum(path.stat().st_size for path in (root / folder).rglob("test_*.py")) for folder in folders}
    for folder in sorted(folders, key=lambda one: -sizes[one]):
        lighter = weights.index(min(weights))
        halves[lighter].append(folder)
        weights[lighter] += sizes[folder]
    return halves


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
