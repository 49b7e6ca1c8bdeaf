"""Several positions of one environment as one: never of two, paper and live are not added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext

from reconciler.domain.performance import Kept, gain_of, returns_of, thinned, totals_of
from reconciler.domain.results import LinePoint, Returns, Totals
from reconciler.domain.returns import PLACES, Crossed, Step, Valued, growth
from reconciler.domain.slots import slot_of
from reconciler.domain.timeline import Moment, since
from shared.trading.money import EXACT, ZERO, truncate
from shared.trading.status import VenueEnvironment

POINT_S = 300.0
"""Points of so many seconds are told as one: a screen shows no more, and the sums stay as few as one position's."""


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
    story = since(_story(positions, totals.value, start=start, now=now), start)
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


def _story(positions: Sequence[Kept], value: Decimal, *, start: datetime | None, now: datetime) -> list[Moment]:
    """At each moment the sum of what every position was worth, and of what was in it, at its own last moment.

    One position moves at a time, and both of its figures together: what was sold never stands beside money that is
    gone, and what a point said before a flow is not said again after it.
    """
    entries = _by_time(positions)
    told = {_group(moment, start): place for place, (_, moment) in enumerate(entries) if _is_point(moment)}
    standing = [(ZERO, ZERO)] * len(positions)
    total = net = ZERO
    moments: list[Moment] = []
    with localcontext(EXACT):
        for place, (which, moment) in enumerate(entries):
            was, had = standing[which]
            standing[which] = (moment.value, moment.net_in)
            others, net = total - was, net - had + moment.net_in
            total = others + moment.value
            if _is_point(moment) and told[_group(moment, start)] != place:
                continue
            moments.append(Moment(step=_beside(moment.step, others), held=None, btc_price=None, net_in=net))
    if value > ZERO and now > moments[-1].at:
        moments.append(Moment(step=Valued(now, value), held=None, btc_price=None, net_in=net))
    return moments


def _by_time(positions: Sequence[Kept]) -> list[tuple[int, Moment]]:
    """The moments of all positions with the place of theirs; of the same time flows come first."""
    entries = [(which, moment) for which, kept in enumerate(positions) for moment in kept.story]
    return sorted(entries, key=lambda entry: (entry[1].at, _is_point(entry[1])))


def _group(moment: Moment, start: datetime | None) -> tuple[datetime, bool]:
    """Of all points of the same five minutes the last is told, and the last before the start of the range."""
    return slot_of(moment.at, length_s=POINT_S), start is not None and moment.at < start


def _is_point(moment: Moment) -> bool:
    return isinstance(moment.step, Valued)


def _beside(step: Step, others: Decimal) -> Step:
    """A step of one position as a step of all of them."""
    if isinstance(step, Valued):
        return Valued(step.at, step.value + others)
    return Crossed(step.at, step.before + others, step.after + others, step.amount)
