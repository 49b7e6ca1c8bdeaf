"""From what was kept of a position to what it came to: totals, returns, lines, contributions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext

from reconciler.domain.announcements import PnlPoint
from reconciler.domain.flows import Flow, Moved
from reconciler.domain.held import HeldStill
from reconciler.domain.results import Benchmarks, Contribution, Level, LinePoint, Returns, Totals
from reconciler.domain.returns import PLACES, RATIO, Crossed, Valued, annual, growth, max_drawdown, money_weighted
from reconciler.domain.settled import as_settled
from reconciler.domain.slippage import LegResult, slippage_of
from reconciler.domain.timeline import Moment, held_levels, moments_of, since
from reconciler.domain.tracking import Tracked
from reconciler.domain.valuation import Valuation
from shared.trading.money import EXACT, ONE, ZERO, exact_sum, truncate

ANNUAL_FROM = timedelta(days=30)
"""A rate of a few days says nothing when it is raised to a year."""
LINE_POINTS = 400
"""A screen is no wider; figures are made of all points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """All that is kept of one position; points and flows by time.

    Attributes:
        in_kind: Numbers of the flows in which coins left without a sale.
        held: The basket that is never rebalanced.
        valuation: On the prices of this moment; None when they cannot be had: then what was told last counts.
        held_value: Of the basket at those prices.
        btc_price: Quote per bitcoin at this moment.
    """

    tracked: Tracked
    points: Sequence[PnlPoint]
    flows: Sequence[Flow]
    moved: Sequence[Moved]
    legs: Sequence[LegResult]
    in_kind: frozenset[int] = frozenset()
    held: Sequence[HeldStill] = ()
    valuation: Valuation | None = None
    held_value: Decimal | None = None
    btc_price: Decimal | None = None

    @property
    def value(self) -> Decimal:
        """What it is worth with its own cash, quote units."""
        if self.valuation is not None:
            return self.valuation.value + self.tracked.book.cash
        if self.flows and self.flows[-1].after == ZERO:
            # What a flow left empty stays empty, whatever was told before it.
            return ZERO
        return self.tracked.told[0] if self.tracked.told else ZERO

    @property
    def story(self) -> list[Moment]:
        """What it was worth and what was in it, moment by moment, until the last of them that was kept."""
        points, flows = as_settled(self.points, self.flows, in_kind=self.in_kind)
        return moments_of(points, flows)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionResults:
    """One position over a range."""

    kept: Kept
    totals: Totals
    gain: Decimal
    returns: Returns
    benchmarks: Benchmarks
    contributions: tuple[Contribution, ...]
    points: tuple[LinePoint, ...]

    @property
    def drift(self) -> Decimal | None:
        """Largest |weight - target| now, or at the last point."""
        if self.kept.valuation is not None:
            return self.kept.valuation.max_abs_drift
        return self.kept.points[-1].max_abs_drift if self.kept.points else None


def results_of(
    kept: Kept, *, start: datetime | None, now: datetime, levels: Sequence[Level] = ()
) -> PositionResults | None:
    """What a position came to.

    Args:
        kept: Everything about it.
        start: Of the range; None is its first flow.
        now: The end of the range of a position that still holds something.
        levels: Of its index, by time.

    Returns:
        None while nothing has ever been bought.
    """
    if not kept.flows:
        return None
    story = since(_to_now(kept.story, kept, now), start)
    curve = growth([moment.step for moment in story])
    returns = returns_of(story, curve)
    lines = _lines(story, curve, levels)
    totals = totals_of([kept])
    return PositionResults(
        kept=kept,
        totals=totals,
        gain=gain_of(story),
        returns=returns,
        benchmarks=_benchmarks(lines, returns),
        contributions=contributions_of(kept, totals.pnl),
        points=thinned(lines),
    )


def totals_of(positions: Sequence[Kept]) -> Totals:
    """Figures of several positions of one environment together."""
    coins = [coin for kept in positions for coin in kept.tracked.book.coins]
    value = exact_sum([kept.value for kept in positions])
    paid_in = exact_sum([kept.tracked.border.paid_in for kept in positions])
    taken_out = exact_sum([kept.tracked.border.taken_out for kept in positions])
    cost, realised = exact_sum([coin.cost for coin in coins]), exact_sum([coin.realised for coin in coins])
    cash = exact_sum([kept.tracked.book.cash for kept in positions])
    with localcontext(EXACT):
        return Totals(
            value=value,
            cost=cost,
            realised=realised,
            unrealised=value - cash - cost,
            pnl=value + taken_out - paid_in,
            fees=exact_sum([kept.tracked.book.fees for kept in positions]),
            paid_in=paid_in,
            taken_out=taken_out,
            slippage=slippage_of(leg for kept in positions for leg in kept.legs),
        )


def returns_of(story: Sequence[Moment], curve: Sequence[Decimal]) -> Returns:
    """Returns of a story whose first moment is the start of the range."""
    if not story:
        return Returns(
            since=None, until=None, time_weighted=None, money_weighted=None, money_weighted_annual=None,
            max_drawdown=ZERO,
        )  # fmt: skip
    begin, end = story[0].at, story[-1].at
    rate = money_weighted(_money(story), end=end, value=story[-1].value)
    return Returns(
        since=begin,
        until=end,
        time_weighted=truncate(curve[-1] - ONE, places=PLACES),
        money_weighted=rate,
        money_weighted_annual=annual(rate, end - begin) if rate is not None and end - begin >= ANNUAL_FROM else None,
        max_drawdown=max_drawdown(curve),
    )


def gain_of(story: Sequence[Moment]) -> Decimal:
    """P&L from the first moment of a story to its last, quote units."""
    if not story:
        return ZERO
    first, last = story[0], story[-1]
    with localcontext(EXACT):
        if isinstance(first.step, Crossed):
            opening = first.step.before - (first.net_in - first.step.amount)
        else:
            opening = first.value - first.net_in
        return last.value - last.net_in - opening


def contributions_of(kept: Kept, pnl: Decimal) -> tuple[Contribution, ...]:
    """What each coin added, largest first; together exactly the P&L.

    What no coin can be named for (dust that a close left, everything unrealised while there are no prices) is one
    line without an asset.
    """
    unrealised = {one.coin.asset: one.unrealised for one in kept.valuation.coins} if kept.valuation else {}
    rows = {coin.asset: [coin.realised, unrealised.get(coin.asset, ZERO), ZERO] for coin in kept.tracked.book.coins}
    with localcontext(EXACT):
        for one in kept.moved:
            rows.setdefault(one.asset, [ZERO, ZERO, ZERO])[2] += one.value - one.cost
        rest = pnl - exact_sum([exact_sum(row) for row in rows.values()])
        if rest:
            rows.setdefault("", [ZERO, ZERO, ZERO])[1] += rest
        found = [
            Contribution(asset=asset, realised=row[0], unrealised=row[1], moved=row[2], total=exact_sum(row))
            for asset, row in rows.items()
            if any(row)
        ]
    return tuple(sorted(found, key=lambda one: (-one.total, one.asset)))


def thinned(points: Sequence[LinePoint]) -> tuple[LinePoint, ...]:
    """At most as many points as a screen shows, evenly, the last one always."""
    step = -(-len(points) // LINE_POINTS) or 1
    return tuple(reversed(points[::-1][::step]))


def _to_now(moments: list[Moment], kept: Kept, now: datetime) -> list[Moment]:
    """What it is worth stands until now, while the position holds something."""
    last = moments[-1]
    if kept.value == ZERO or now <= last.at:
        return moments
    now_moment = Moment(
        step=Valued(now, kept.value),
        held=None if kept.held_value is None else Valued(now, kept.held_value),
        btc_price=kept.btc_price,
        net_in=last.net_in,
        drift=kept.valuation.max_abs_drift if kept.valuation else last.drift,
    )
    return [*moments, now_moment]


def _money(story: Sequence[Moment]) -> list[tuple[datetime, Decimal]]:
    """What the money-weighted return is made of: what stood at the start, and every flow after it."""
    opening = story[0]
    flows = [(moment.at, moment.step.amount) for moment in story if isinstance(moment.step, Crossed)]
    return flows if isinstance(opening.step, Crossed) else [(opening.at, opening.value), *flows]


def _lines(story: Sequence[Moment], curve: Sequence[Decimal], levels: Sequence[Level]) -> list[LinePoint]:
    bitcoin = next(iter(moment.btc_price for moment in story), None)
    times = [level.at for level in levels]
    base = _level_at(levels, times, story[0].at) if story else None
    lines = []
    with localcontext(RATIO):
        for moment, level, held in zip(story, curve, held_levels(story), strict=True):
            index = _level_at(levels, times, moment.at)
            lines.append(
                LinePoint(
                    at=moment.at,
                    value=moment.value,
                    net_in=moment.net_in,
                    pnl=moment.value - moment.net_in,
                    growth=truncate(level, places=PLACES),
                    bitcoin=_ratio(moment.btc_price, bitcoin),
                    index=_ratio(index, base),
                    held=None if held is None else truncate(held, places=PLACES),
                    drift=moment.drift,
                )
            )
    return lines


def _ratio(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    return truncate(part / whole, places=PLACES) if part is not None and whole else None


def _level_at(levels: Sequence[Level], times: Sequence[datetime], at: datetime) -> Decimal | None:
    """The newest level at a moment; None before the first."""
    place = bisect_right(times, at)
    return levels[place - 1].level if place else None


def _benchmarks(lines: Sequence[LinePoint], returns: Returns) -> Benchmarks:
    index = _last([line.index for line in lines])
    chained = returns.time_weighted
    return Benchmarks(
        bitcoin=_last([line.bitcoin for line in lines]),
        index=index,
        held=_last([line.held for line in lines]),
        tracking_difference=None if index is None or chained is None else chained - index,
    )


def _last(levels: Sequence[Decimal | None]) -> Decimal | None:
    known = [level for level in levels if level is not None]
    return known[-1] - ONE if known else None
