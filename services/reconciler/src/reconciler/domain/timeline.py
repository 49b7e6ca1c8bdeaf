"""The story of a position as steps: points and flows in the order in which they were seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext

from reconciler.domain.announcements import PnlPoint
from reconciler.domain.flows import Flow
from reconciler.domain.returns import Crossed, Step, Valued, growth
from shared.trading.money import EXACT, ZERO

SAME = Decimal("1e-6")
"""Quote units: a flow this small moves no figure, whichever side of it a point is on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One step: of the position itself, of the basket that is held still, and the bitcoin price then.

    Attributes:
        net_in: What all flows up to here brought in minus what they took out.
        drift: Largest |weight - target|; None at a flow.
    """

    step: Step
    held: Step | None
    btc_price: Decimal | None
    net_in: Decimal
    drift: Decimal | None = None

    @property
    def at(self) -> datetime:
        """When it was seen."""
        return self.step.at

    @property
    def value(self) -> Decimal:
        """What was there after it."""
        return self.step.value if isinstance(self.step, Valued) else self.step.after


def moments_of(points: Sequence[PnlPoint], flows: Sequence[Flow]) -> list[Moment]:
    """Points and flows by time; of the same moment the flow comes first, since the point was valued after it.

    A point says what was in the position when it was valued. Where the flows up to its time say otherwise, it was
    stamped on the wrong side of one of them (two looks at a position overtook each other) and is left out: what was
    sold would come back, or what came in would be a gain.
    """
    net, seen = ZERO, list[tuple[datetime, int, Moment]]()
    with localcontext(EXACT):
        for flow in flows:
            net += flow.amount
            seen.append((flow.valued_at, 0, _of_flow(flow, net)))
    seen += [(point.at, 1, _of_point(point)) for point in points]
    net, moments = ZERO, list[Moment]()
    for _, _, moment in sorted(seen, key=lambda entry: entry[:2]):
        if isinstance(moment.step, Crossed):
            net = moment.net_in
        elif abs(moment.net_in - net) > SAME:
            continue
        moments.append(moment)
    return moments


def since(moments: Sequence[Moment], start: datetime | None) -> list[Moment]:
    """The moments from a start on; the value that stood at the start is the first of them."""
    if start is None:
        return list(moments)
    earlier = [moment for moment in moments if moment.at < start]
    rest = [moment for moment in moments if moment.at >= start]
    if not earlier or earlier[-1].value == ZERO:
        return rest
    last = earlier[-1]
    held = _still_there(last.held)
    opening = Moment(
        step=Valued(start, last.value), held=Valued(start, held) if held is not None else None,
        btc_price=last.btc_price, net_in=last.net_in, drift=last.drift,
    )  # fmt: skip
    return [opening, *rest]


def held_levels(moments: Sequence[Moment]) -> list[Decimal | None]:
    """The line of the basket that is held still; None where it was not known."""
    known = [moment.held for moment in moments if moment.held is not None]
    levels = iter(growth(known))
    return [next(levels) if moment.held is not None else None for moment in moments]


def _of_flow(flow: Flow, net: Decimal) -> Moment:
    step = Crossed(flow.valued_at, flow.before, flow.after, flow.amount)
    return Moment(step=step, held=_held_step(flow), btc_price=flow.btc_price, net_in=net)


def _held_step(flow: Flow) -> Step | None:
    """What comes in comes into this basket too; what goes out is a share of it, whatever its trades cost."""
    if flow.held_after is None:
        return None
    before = flow.held_before or ZERO
    amount = flow.amount if flow.amount > ZERO else flow.held_after - before
    return Crossed(flow.valued_at, before, flow.held_after, amount)


def _of_point(point: PnlPoint) -> Moment:
    return Moment(
        step=Valued(point.at, point.value),
        held=Valued(point.at, point.held) if point.held is not None else None,
        btc_price=point.btc_price,
        net_in=point.net_in,
        drift=point.max_abs_drift,
    )


def _still_there(step: Step | None) -> Decimal | None:
    if step is None:
        return None
    return step.value if isinstance(step, Valued) else step.after
