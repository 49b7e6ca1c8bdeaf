"""Purchases as they turned out: what a run gave back at its end never was in the position."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from decimal import Decimal, localcontext

from reconciler.domain.announcements import PnlPoint
from reconciler.domain.flows import PURCHASES, Flow
from shared.trading.money import EXACT, ZERO


def as_settled(
    points: Sequence[PnlPoint], flows: Sequence[Flow], *, in_kind: Collection[int]
) -> tuple[list[PnlPoint], list[Flow]]:
    """The same story, had nobody looked before the purchases were over.

    Whoever looks in the middle of a purchase sees all of its money come in, and the rest leave at its end. Measured
    like that, a return would depend on when somebody looked. So the rest is taken out of everything between the two.

    Args:
        points: By time.
        flows: By number.
        in_kind: Numbers of the flows in which coins left without a sale: those gave nothing back.
    """
    kept, story = list(points), list(flows)
    first: int | None = None
    for place, flow in enumerate(flows):
        if flow.kind not in PURCHASES or flow.number in in_kind:
            first = None
        elif flow.amount >= ZERO:
            first = place
        elif first is not None:
            kept = _take_back(kept, story, first, place)
    return kept, story


def _take_back(points: Sequence[PnlPoint], story: list[Flow], first: int, last: int) -> list[PnlPoint]:
    rest, start, end = -story[last].amount, story[first].valued_at, story[last].valued_at
    with localcontext(EXACT):
        came, back = story[first], story[last]
        story[first] = replace(
            came, amount=came.amount - rest, after=came.after - rest, held_after=_less(came.held_after, rest)
        )
        for place in range(first + 1, last):
            story[place] = _without(story[place], rest)
        story[last] = replace(back, amount=ZERO, before=back.before - rest, held_before=_less(back.held_before, rest))
        return [_smaller(point, rest) if start <= point.at < end else point for point in points]


def _without(flow: Flow, rest: Decimal) -> Flow:
    return replace(
        flow,
        before=flow.before - rest,
        after=flow.after - rest,
        held_before=_less(flow.held_before, rest),
        held_after=_less(flow.held_after, rest),
    )


def _smaller(point: PnlPoint, rest: Decimal) -> PnlPoint:
    held = _less(point.held, rest)
    return replace(point, value=point.value - rest, net_in=point.net_in - rest, held=held)


def _less(amount: Decimal | None, rest: Decimal) -> Decimal | None:
    return None if amount is None else amount - rest
