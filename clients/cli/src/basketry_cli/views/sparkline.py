"""A line of blocks: how a value went."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[Decimal], *, width: int = 16) -> str:
    """One block for each equal part of the time, with the last value of that part; the lowest is the lowest block.

    Args:
        values: In order of time.
        width: Blocks at most.
    """
    if not values:
        return ""
    shown = [values[(step + 1) * len(values) // width - 1] for step in range(width)] if len(values) > width else values
    low, high = min(shown), max(shown)
    if low == high:
        return BLOCKS[3] * len(shown)
    top = len(BLOCKS) - 1
    return "".join(BLOCKS[int((value - low) / (high - low) * top + Decimal("0.5"))] for value in shown)
