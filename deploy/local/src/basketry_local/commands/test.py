"""`./basketry test` and `check`: the same commands for people and for the pipeline."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from basketry_local.layout import project_root
from basketry_local.suites import SUITES, Step, steps_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended, and what it cost."""

    step: Step
    seconds: float
    status: int

    @property
    def passed(self) -> bool:
        """Whether its exit status is a good one."""
        return self.status in self.step.fine


def run(*, suite: str | None, every: bool) -> int:
    """Runs on after a failure, so that one run shows everything; exit status 1 if anything failed, 2 for a bad name."""
    console = Console(stderr=True)
    if suite is not None and suite not in SUITES:
        console.print(f"no suite {suite!r}; there are {', '.join(SUITES)}")
        return 2
    root = project_root()
    outcomes: list[Outcome] = []
    for name in [suite] if suite else SUITES:
        steps = steps_of(name, root, every=every)
        if not steps:
            console.print(f"[dim]{name}: no tests in this checkout[/]")
        for step in steps:
            console.rule(f"{step.suite}: {step.title}", style="dim")
            outcomes.append(_run(step))
    console.print(_summary(outcomes))
    failed = [f"{outcome.step.suite}: {outcome.step.title}" for outcome in outcomes if not outcome.passed]
    console.print(f"[red]failed:[/] {'; '.join(failed)}" if failed else "[green]everything passed[/]")
    return 1 if failed or not outcomes else 0


def _run(step: Step) -> Outcome:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.monotonic()
    status = subprocess.run(step.command, cwd=project_root(), env=environment, check=False).returncode
    return Outcome(step, time.monotonic() - started, status)


def _summary(outcomes: list[Outcome]) -> Table:
    table = Table("suite", "step", "seconds", "", title="where the time went", title_justify="left", box=SIMPLE)
    for outcome in outcomes:
        mark = "[green]passed[/]" if outcome.passed else f"[red]failed ({outcome.status})[/]"
        table.add_row(outcome.step.suite, outcome.step.title, f"{outcome.seconds:.1f}", mark)
    table.add_row("", "all", f"{sum(outcome.seconds for outcome in outcomes):.1f}", "")
    return table
