"""Several positions as one: at any moment the sum of what each was worth and of what was in it then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.announcements import PnlPoint
from reconciler.domain.books import Account, PositionBook
from reconciler.domain.flows import Flow
from reconciler.domain.performance import Kept, results_of
from reconciler.domain.portfolio import PortfolioResults, portfolios_of
from reconciler.domain.slots import slot_of
from reconciler.domain.tracking import Border, Tracked
from shared.trading.status import PositionStatus, VenueEnvironment

D = Decimal
DAY = datetime(2026, 11, 21, tzinfo=UTC)
ACCOUNT = Account(user_id=UUID(int=1), account_id=UUID(int=2), environment=VenueEnvironment.PAPER)


@dataclass
class Life:
    """One position as it is kept: each flow, and the points between them."""

    number: int
    flows: list[Flow] = field(default_factory=list)
    points: list[PnlPoint] = field(default_factory=list)
    stood: list[tuple[datetime, Decimal, Decimal]] = field(default_factory=list)
    """When, what it was worth, what was in it."""

    @property
    def net(self) -> Decimal:
        return sum((flow.amount for flow in self.flows), D(0))

    @property
    def value(self) -> Decimal:
        return self.stood[-1][1] if self.stood else D(0)

    def flow(self, at: datetime, amount: Decimal, *, after: Decimal, kind: str) -> None:
        self.flows.append(
            Flow(
                position_id=UUID(int=self.number), number=len(self.flows) + 1, at=at, valued_at=at, kind=kind,
                amount=amount, before=self.value, after=after,
            )
        )  # fmt: skip
        self.stood.append((at, after, self.net))

    def point(self, at: datetime, value: Decimal) -> None:
        self.points.append(a_point(self.number, at, value, self.net))
        self.stood.append((at, value, self.net))

    def kept(self, *, told: Decimal | None = None) -> Kept:
        status = PositionStatus.ACTIVE if self.value else PositionStatus.CLOSED
        book = PositionBook(
            account=ACCOUNT, position_id=UUID(int=self.number), status=status, index_id="x", invested=D(0),
            proceeds=D(0), fees=D(0), coins=(), traded_at=self.stood[-1][0],
        )  # fmt: skip
        came = sum((flow.amount for flow in self.flows if flow.amount > 0), D(0))
        border = Border(flows=len(self.flows), paid_in=came, taken_out=came - self.net)
        worth = self.value if told is None else told
        tracked = Tracked(book=book, told=(worth, worth - self.net), border=border)
        return Kept(tracked=tracked, points=self.points, flows=self.flows, moved=[], legs=[])


def a_point(number: int, at: datetime, value: Decimal, net_in: Decimal) -> PnlPoint:
    return PnlPoint(
        position_id=UUID(int=number), slot=slot_of(at, length_s=300), at=at, value=value, cost=D(0), realised=D(0),
        unrealised=D(0), max_abs_drift=D(0), net_in=net_in,
    )  # fmt: skip


def clock(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-21T{text}+00:00")


def as_one(lives: Sequence[Life], *, start: datetime | None = None) -> PortfolioResults:
    [found] = portfolios_of([life.kept() for life in lives], start=start, now=max(ends(lives)) + timedelta(days=1))
    return found


def ends(lives: Sequence[Life]) -> list[datetime]:
    return [life.stood[-1][0] for life in lives]


def three_closed_seconds_apart() -> list[Life]:
    """Bought for 1,090 together; valued once in these five minutes, then closed one after the other."""
    bought = [("99.5", "99.18660226185"), ("198.7", "198.13937004225"), ("791.8", "791.06")]
    closed = [("05:24:05.158", "99.1"), ("05:24:07.132", "197.9"), ("05:24:31.5", "791.07")]
    lives = []
    for number, ((paid, worth), (end, back)) in enumerate(zip(bought, closed, strict=True), start=1):
        life = Life(number)
        life.flow(clock(f"05:1{number}:00"), D(paid), after=D(worth), kind="buy")
        life.point(clock("05:23:48.207"), D(worth))
        life.flow(clock(end), -D(back), after=D(0), kind="close")
        lives.append(life)
    # The third was valued once more in the same five minutes, when the first two were gone.
    third = lives[2]
    third.points = [a_point(3, clock("05:24:07.306"), D("791.06"), D("791.8"))]
    third.stood[1] = (clock("05:24:07.306"), D("791.06"), D("791.8"))
    return lives


def test_what_was_closed_seconds_ago_does_not_come_back() -> None:
    lives = three_closed_seconds_apart()
    found = as_one(lives)
    for line in found.points:
        value, net = standing(lives, line.at)
        assert (line.value, line.net_in, line.pnl) == (value, net, value - net)
    [late] = [line for line in found.points if line.at == clock("05:24:07.306")]
    assert late.value == D("791.06")
    lost = D("99.1") + D("197.9") + D("791.07") - D("99.5") - D("198.7") - D("791.8")
    assert found.totals.pnl == found.gain == found.points[-1].pnl == lost == D("-1.93")
    assert found.open_positions == 0
    assert found.points[-1].value == D(0)
    first, second, third = D("99.18660226185"), D("198.13937004225"), D("791.06")
    growth = first / D("99.5") * (first + second) / (first + D("198.7"))
    growth *= (first + second + third) / (first + second + D("791.8"))
    growth *= (D("99.1") + second + third) / (first + second + third) * (D("197.9") + third) / (second + third)
    deepest, growth = growth, growth * D("791.07") / third
    assert abs(found.points[-1].growth - growth) < D("1e-15")
    assert found.returns.time_weighted is not None
    assert abs(found.returns.time_weighted - (growth - 1)) < D("1e-15")
    assert abs(found.returns.max_drawdown - (deepest - 1)) < D("1e-15"), "0.6 %, where 30 % were told"
    assert all(line.growth <= 1 for line in found.points)


def test_a_later_life_starts_from_nothing_again() -> None:
    lives = three_closed_seconds_apart()
    again = Life(4)
    again.flow(clock("05:25:10"), D(200), after=D("199.8"), kind="buy")
    again.point(clock("05:26:53.266"), D("199.9"))
    again.flow(clock("05:27:40"), D("-199.7"), after=D(0), kind="close")
    found = as_one([*lives, again])
    assert found.points[-1].pnl == D("-2.23")
    assert found.returns.max_drawdown > D("-0.01")
    assert max(line.growth for line in found.points) <= 1
    assert max(line.pnl for line in found.points) <= 0


def test_a_point_that_overtook_a_close_is_no_value_after_it() -> None:
    """Two looks at a position wait for each other; the one that sold it may bear the older stamp."""
    life = Life(1)
    life.flow(clock("05:00:00"), D(100), after=D(99), kind="buy")
    life.flow(clock("05:01:00"), D(-98), after=D(0), kind="close")
    life.points = [a_point(1, clock("05:01:00.5"), D(99), D(100))]
    one = results_of(life.kept(told=D(99)), start=None, now=clock("06:00:00"))
    assert one is not None
    assert [(line.value, line.net_in) for line in one.points] == [(D(99), D(100)), (D(0), D(2))]
    assert (one.totals.value, one.totals.pnl, one.gain) == (D(0), D(-2), D(-2))
    [all_of_them] = portfolios_of([life.kept(told=D(99))], start=None, now=clock("06:00:00"))
    assert (all_of_them.totals.value, all_of_them.gain, all_of_them.open_positions) == (D(0), D(-2), 0)


def test_a_point_before_the_money_is_no_loss_after_it() -> None:
    life = Life(1)
    life.flow(clock("05:00:00"), D(100), after=D(100), kind="buy")
    life.flow(clock("05:01:00"), D(60), after=D(160), kind="invest")
    life.points = [a_point(1, clock("05:01:00.5"), D(100), D(100)), a_point(1, clock("05:06:00"), D(160), D(160))]
    one = results_of(life.kept(), start=None, now=clock("06:00:00"))
    assert one is not None
    assert (one.returns.max_drawdown, one.returns.time_weighted) == (D(0), D(0))


def standing(lives: Sequence[Life], at: datetime) -> tuple[Decimal, Decimal]:
    """What all of them were worth at a moment, and what was in them: of each the last that was seen of it."""
    last = [[row for row in life.stood if row[0] <= at][-1:] for life in lives]
    found = [row for rows in last for row in rows]
    return sum((value for _, value, _ in found), D(0)), sum((net for _, _, net in found), D(0))


steps = st.lists(
    st.tuples(st.integers(1, 400), st.sampled_from(["in", "out", "all out", "point"]), st.integers(1, 10**6)),
    min_size=1,
    max_size=12,
)


def a_life(number: int, drawn: Sequence[tuple[int, str, int]]) -> Life:
    """Seconds between the steps; each position on a microsecond of its own, so that no two move at the same time."""
    life, begin = Life(number), DAY + timedelta(microseconds=number)
    life.flow(begin, D(1000), after=D(999), kind="rebalance")
    passed = accumulate(seconds for seconds, _, _ in drawn)
    for seconds, (_, what, size) in zip(passed, drawn, strict=True):
        at, amount = begin + timedelta(seconds=seconds), D(size) / 7000
        if what == "in" or not life.value:
            life.flow(at, amount, after=life.value + amount, kind="rebalance")
        elif what == "point":
            life.point(at, amount)
        else:
            rest = D(0) if what == "all out" else life.value / 2
            life.flow(at, rest - amount, after=rest, kind="rebalance")
    return life


@given(st.lists(steps, min_size=1, max_size=5), st.none() | st.integers(0, 3000))
def test_any_positions_at_any_moment_are_the_sum_of_each(
    drawn: list[list[tuple[int, str, int]]], begin: int | None
) -> None:
    lives = [a_life(number, life) for number, life in enumerate(drawn, start=1)]
    start = None if begin is None else DAY + timedelta(seconds=begin)
    found = as_one(lives, start=start)
    close = D("1e-15")
    for line in found.points:
        value, net = standing(lives, line.at)
        assert abs(line.value - value) < close
        assert abs(line.net_in - net) < close
        assert abs(line.pnl - (value - net)) < close
    if found.points:
        assert abs(found.points[-1].value - found.totals.value) < close
        assert abs(found.points[-1].pnl - found.totals.pnl) < close
