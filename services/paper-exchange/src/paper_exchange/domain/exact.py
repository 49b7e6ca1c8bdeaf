"""Arithmetic that never rounds: the everyday context stops at 28 digits, play money shall not."""

from __future__ import annotations

from decimal import Decimal

from shared.trading.money import EXACT, ZERO

add = EXACT.add
sub = EXACT.subtract
mul = EXACT.multiply


def whole_steps(amount: Decimal, *, step: Decimal) -> int:
    """How many whole steps fit into an amount (both in the same unit, the step above zero)."""
    return int(EXACT.divide_int(amount, step))


def on_grid(amount: Decimal, *, step: Decimal) -> bool:
    """Whether an amount is an exact multiple of a step."""
    return EXACT.remainder(amount, step) == ZERO
