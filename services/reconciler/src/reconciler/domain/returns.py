"""Returns around flows: time-weighted, money-weighted, and the deepest fall. Fractions: 0.1 is ten percent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Context, Decimal, InvalidOperation, localcontext

from shared.trading.money import ONE, ZERO, truncate

RATIO = Context(prec=34, traps=[InvalidOperation])
"""Ratios have no last digit; thirty-four carry a chain of a million of them."""
PLACES = 18
YEAR = timedelta(days=365)
"""Annual figures count 365 days to the year, as XIRR does."""
_TICK = timedelta(microseconds=1)
SOLVER = Context(prec=28, traps=[InvalidOperation])
_FAR = Decimal(14)
"""A millionfold, either way."""
_STEP = Decimal("0.25")
_ROUNDS = 100
_ENOUGH = Decimal("1e-20")


@dataclass(frozen=True, slots=True)
class Valued:
    """A valuation between flows; quote units."""

    at: datetime
    value: Decimal


@dataclass(frozen=True, slots=True)
class Crossed:
    """A flow, with the value right before and right after it; `amount` above zero came in."""

    at: datetime
    before: Decimal
    after: Decimal
    amount: Decimal


Step = Valued | Crossed


def growth(steps: Sequence[Step]) -> list[Decimal]:
    """What one unit has become after each step, as if no money had come or gone.

    Between flows the value's own ratio counts; at a flow what came in is there before its trades, and what went out
    still counts after them, so that the cost of trading is part of the return. A step without flows can be left out
    without changing any later figure.
    """
    level, last, levels = ONE, ZERO, list[Decimal]()
    with localcontext(RATIO):
        for step in steps:
            before = step.value if isinstance(step, Valued) else step.before
            if last > ZERO:
                level = level * before / last
            last = before
            if isinstance(step, Crossed):
                level *= crossing_factor(step)
                last = step.after
            levels.append(level)
    return levels


def crossing_factor(step: Crossed) -> Decimal:
    """What the trades of a flow left of one unit: below one is their cost; one when there was nothing."""
    with localcontext(RATIO):
        start = step.before + max(step.amount, ZERO)
        end = step.after - min(step.amount, ZERO)
        return end / start if start > ZERO else ONE


def time_weighted(steps: Sequence[Step]) -> Decimal | None:
    """The chained return; None without any step."""
    levels = growth(steps)
    return truncate(levels[-1] - ONE, places=PLACES) if levels else None


def max_drawdown(levels: Sequence[Decimal]) -> Decimal:
    """The deepest fall from a peak, zero or below; the start counts as a peak."""
    peak, worst = ONE, ZERO
    with localcontext(RATIO):
        for level in levels:
            peak = max(peak, level)
            worst = min(worst, level / peak - ONE)
    return truncate(worst, places=PLACES)


def money_weighted(flows: Sequence[tuple[datetime, Decimal]], *, end: datetime, value: Decimal) -> Decimal | None:
    """The rate over the whole period at which the flows grow into the final value.

    It solves Σ amount × (1 + r)^((end - at) / (end - first)) = value, amounts into the position above zero. Where
    several rates do (flows that change their sign more than once), it is the one nearest to no growth, looked for in
    steps of a quarter of its logarithm; then the bracket is narrowed until eighteen decimals stand.

    Args:
        flows: Moments and amounts, in any order.
        end: The moment of the final value, after the first flow.
        value: What is there at the end, quote units.

    Returns:
        A fraction over the period, not annual; None when there is no such rate or no time has passed.
    """
    if not flows:
        return None
    first = min(at for at, _ in flows)
    span = (end - first) // _TICK
    if span <= 0:
        return None
    if value == ZERO and all(amount >= ZERO for _, amount in flows):
        return -ONE
    with localcontext(SOLVER):
        terms = [(amount, Decimal((end - at) // _TICK) / Decimal(span)) for at, amount in flows]
        bracket = _bracket(terms, value)
        return truncate(_root(terms, value, *bracket).exp() - ONE, places=PLACES) if bracket else None


def annual(rate: Decimal, period: timedelta) -> Decimal | None:
    """A rate over a period as a rate over 365 days (XIRR, when it is money-weighted); None when it has no size."""
    if period <= timedelta(0) or rate <= -ONE:
        return None
    with localcontext(RATIO):
        power = Decimal(YEAR // _TICK) / Decimal(period // _TICK)
        return truncate((ONE + rate) ** power - ONE, places=PLACES)


def _surplus(terms: Sequence[tuple[Decimal, Decimal]], value: Decimal, log: Decimal) -> Decimal:
    """What the flows grow into beyond the value when one unit becomes e to the power of `log`."""
    return sum((amount * (weight * log).exp() for amount, weight in terms), ZERO) - value


def _bracket(terms: Sequence[tuple[Decimal, Decimal]], value: Decimal) -> tuple[Decimal, Decimal] | None:
    """Two logarithms of growth between which the surplus changes its sign, the nearest to no growth."""
    low = high = ZERO
    at_low = at_high = _surplus(terms, value, ZERO)
    while high < _FAR:
        higher, lower = high + _STEP, low - _STEP
        at_higher, at_lower = _surplus(terms, value, higher), _surplus(terms, value, lower)
        if at_high * at_higher <= ZERO:
            return high, higher
        if at_low * at_lower <= ZERO:
            return lower, low
        high, low, at_high, at_low = higher, lower, at_higher, at_lower
    return None


def _root(terms: Sequence[tuple[Decimal, Decimal]], value: Decimal, low: Decimal, high: Decimal) -> Decimal:
    """The logarithm at which the surplus is nil: false position, with the side that stays put halved (Illinois)."""
    at_low, at_high = _surplus(terms, value, low), _surplus(terms, value, high)
    for _ in range(_ROUNDS):
        if at_low == at_high or abs(high - low) < _ENOUGH:
            break
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        at_middle = _surplus(terms, value, middle)
        if at_middle == ZERO:
            return middle
        if at_middle * at_high < ZERO:
            low, at_low = high, at_high
        else:
            at_low /= 2
        if abs(middle - high) < _ENOUGH:
            return middle
        high, at_high = middle, at_middle
    return high
