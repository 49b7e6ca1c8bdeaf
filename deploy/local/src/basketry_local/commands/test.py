"""`./basketry test` and `check`: the same commands for people and for the pipeline."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from basketry_local.layout import project_root
from basketry_local.suites import SUITES, Step, steps_of

_PRINTING = threading.Lock()


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
    started = time.monotonic()
    steps: list[Step] = []
    for name in [suite] if suite else SUITES:
        found = steps_of(name, project_root(), every=every)
        if not found:
            console.print(f"[dim]{name}: no tests in this checkout[/]")
        steps += found
    outcomes = _run_all(steps, console)
    console.print(_summary(outcomes, time.monotonic() - started))
    failed = [f"{outcome.step.suite}: {outcome.step.title}" for outcome in outcomes if not outcome.passed]
    console.print(f"[red]failed:[/] {'; '.join(failed)}" if failed else "[green]everything passed[/]")
    return 1 if failed or not outcomes else 0


def _run_all(steps: list[Step], console: Console) -> list[Outcome]:
    """Chains beside each other, as many as BASKETRY_TEST_LANES says; then what wants the machine for itself."""
    chains: dict[str, list[Step]] = {}
    for step in steps:
        if step.chain:
            chains.setdefault(step.chain, []).append(step)
    outcomes: list[Outcome] = []
    lanes = min(len(chains), int(os.environ.get("BASKETRY_TEST_LANES", "2")))
    if lanes > 1:
        # The longest begin first, so that the lanes end at about the same time.
        order = sorted(chains, key=lambda name: not name.startswith("integration"))
        console.print(f"[dim]{', '.join(order)}: {lanes} at a time; each shows its output when it ends[/]")
        with ThreadPoolExecutor(lanes) as pool:
            for chain in pool.map(lambda name: _run_chain(chains[name], console), order):
                outcomes += chain
    alone = [step for step in steps if not step.chain or lanes <= 1]
    return outcomes + [_run(step, console) for step in alone]


def _run_chain(steps: list[Step], console: Console) -> list[Outcome]:
    return [_run(step, console, captured=True) for step in steps]


def _run(step: Step, console: Console, *, captured: bool = False) -> Outcome:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.monotonic()
    if not captured:
        console.rule(f"{step.suite}: {step.title}", style="dim")
    done = subprocess.run(
        step.command,
        cwd=project_root(),
        env=environment,
        check=False,
        stdout=subprocess.PIPE if captured else None,
        stderr=subprocess.STDOUT if captured else None,
    )
    if captured:
        with _PRINTING:
            console.rule(f"{step.suite}: {step.title}", style="dim")
            sys.stdout.buffer.write(done.stdout)
            sys.stdout.flush()
    return Outcome(step, time.monotonic() - started, done.returncode)


def _summary(outcomes: list[Outcome], elapsed_s: float) -> Table:
    table = Table("suite", "step", "seconds", "", title="where the time went", title_justify="left", box=SIMPLE)
    for outcome in outcomes:
        mark = "[green]passed[/]" if outcome.passed else f"[red]failed ({outcome.status})[/]"
        table.add_row(outcome.step.suite, outcome.step.title, f"{outcome.seconds:.1f}", mark)
    table.add_row("", "from start to end", f"{elapsed_s:.1f}", "")
    return table
