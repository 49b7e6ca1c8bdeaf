"""Several positions of one environment as one: never of two, paper and live are not added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext

from reconciler.domain.flows import Flow
from reconciler.domain.performance import Kept, gain_of, returns_of, thinned, totals_of
from reconciler.domain.results import LinePoint, Returns, Totals
from reconciler.domain.returns import PLACES, Crossed, Valued, growth
from reconciler.domain.timeline import Moment, since
from shared.trading.money import EXACT, ZERO, exact_sum, truncate
from shared.trading.status import VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioResults:
    """All positions of one environment over a range."""

    environment: VenueEnvironment
    positions: int
    open_positions: int
    totals: Totals
    gain: Decimal
    returns: Returns
    points: tuple[LinePoint, ...]


def portfolios_of(positions: Sequence[Kept], *, start: datetime | None, now: datetime) -> list[PortfolioResults]:
    """One picture per environment, in the order of their names."""
    by_environment: dict[VenueEnvironment, list[Kept]] = {}
    for kept in positions:
        if kept.flows:
            by_environment.setdefault(kept.tracked.book.account.environment, []).append(kept)
    return [
        _portfolio(environment, found, start=start, now=now) for environment, found in sorted(by_environment.items())
    ]


def _portfolio(
    environment: VenueEnvironment, positions: Sequence[Kept], *, start: datetime | None, now: datetime
) -> PortfolioResults:
    totals = totals_of(positions)
    story = since(_story(positions, totals.value, now), start)
    curve = growth([moment.step for moment in story])
    lines = [
        LinePoint(
            at=moment.at,
            value=moment.value,
            net_in=moment.net_in,
            pnl=moment.value - moment.net_in,
            growth=truncate(level, places=PLACES),
        )
        for moment, level in zip(story, curve, strict=True)
    ]
    return PortfolioResults(
        environment=environment,
        positions=len(positions),
        open_positions=sum(1 for kept in positions if kept.value > ZERO),
        totals=totals,
        gain=gain_of(story),
        returns=returns_of(story, curve),
        points=thinned(lines),
    )


def _story(positions: Sequence[Kept], value: Decimal, now: datetime) -> list[Moment]:
    """Points of all positions added up, and every flow with what the other positions were worth at it."""
    net, moments = ZERO, list[Moment]()
    latest: dict[object, Decimal] = {}
    for at, flow, points in _by_time(positions):
        with localcontext(EXACT):
            if flow is not None:
                net += flow.amount
                latest[flow.position_id] = flow.after
                step = Crossed(at, flow.before + flow.others, flow.after + flow.others, flow.amount)
                moments.append(Moment(step=step, held=None, btc_price=None, net_in=net))
                continue
        latest |= points
        total = exact_sum(list(latest.values()))
        moments.append(Moment(step=Valued(at, total), held=None, btc_price=None, net_in=net))
    if value > ZERO and now > moments[-1].at:
        moments.append(Moment(step=Valued(now, value), held=None, btc_price=None, net_in=net))
    return moments


def _by_time(positions: Sequence[Kept]) -> list[tuple[datetime, Flow | None, dict[object, Decimal]]]:
    """Flows each alone; points of the same five minutes together, at the time of the last of them."""
    slots: dict[datetime, tuple[datetime, dict[object, Decimal]]] = {}
    for kept in positions:
        for point in kept.points:
            at, values = slots.get(point.slot, (point.at, {}))
            values[point.position_id] = point.value
            slots[point.slot] = (max(at, point.at), values)
    flows = [(flow.valued_at, 0, flow, dict[object, Decimal]()) for kept in positions for flow in kept.flows]
    sums = [(at, 1, None, values) for at, values in slots.values()]
    return [(at, flow, values) for at, _, flow, values in sorted([*flows, *sums], key=lambda row: row[:2])]
