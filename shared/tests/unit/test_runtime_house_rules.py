"""Rules about the bus that only reading the sources can prove."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SOURCES = sorted(
    path
    for pattern in ("shared/src/**/*.py", "services/*/src/**/*.py", "deploy/local/src/**/*.py")
    for path in ROOT.glob(pattern)
)
RUNTIME = {"consumption.py", "rpc.py"}


def test_there_is_something_to_read() -> None:
    assert len(SOURCES) > 50


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        # Only these two declare subscribers: with explicit acknowledgements, with a time limit on every fetch.
        (r"\.subscriber\(", RUNTIME),
        (r"\bPullSub\(", {"consumption.py"}),
        (r"timeout=None", set()),
        (r"ACK_FIRST|REJECT_ON_ERROR", set()),
        # Events leave through the outbox; nobody publishes by a decorator.
        (r"@\w+\.publisher", set()),
        (r"JStream\((?!.*declare=False)", set()),
        # A setting of the session would outlive the transaction on a pooled connection.
        (r"(?i)\bset\s+(session\s+)?app\.user_id", set()),
        # It takes the writers of field types away: secrets arrive masked, decimals with exponents.
        (r"serialize_as_any=True", set()),
    ],
)
def test_no_source_has_it(pattern: str, allowed: set[str]) -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if path.name not in allowed and re.search(pattern, path.read_text(encoding="utf-8"))
    ]
    assert found == []
