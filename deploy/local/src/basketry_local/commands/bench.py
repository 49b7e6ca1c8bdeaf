"""`./basketry bench`: the benchmarks in `tests/benchmarks`, each a module that prints one JSON object."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from rich.console import Console

from basketry_local.layout import project_root


def run(*, as_json: bool) -> int:
    """Exit status 0 when every benchmark met its line, 1 when one did not or could not run."""
    console = Console(stderr=True)
    folder = project_root() / "tests" / "benchmarks"
    environment = {**os.environ, "PYTHONPATH": str(folder.parent)}  # what tests share: the running platform
    results: dict[str, Any] = {}
    for module in sorted(folder.glob("bench_*.py")):
        name = module.stem.removeprefix("bench_")
        console.print(f"[dim]{name} …[/]")
        done = subprocess.run(
            [sys.executable, str(module)], cwd=project_root(), env=environment, stdout=subprocess.PIPE, check=False
        )
        results[name] = _result(done)
    met = bool(results) and all(result.get("met") is True for result in results.values())
    if as_json:
        sys.stdout.write(json.dumps({"met": met, "results": results}) + "\n")
    else:
        Console().print_json(json.dumps(results))
        console.print("[green]every line is met[/]" if met else "[red]not every line is met[/]")
    return 0 if met else 1


def _result(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return {"met": False, "error": f"ended with status {done.returncode} and no result"}
    return found if isinstance(found, dict) and done.returncode == 0 else {"met": False, "error": done.returncode}
