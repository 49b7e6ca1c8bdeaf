"""Questions to the reconciler: what positions came to, and how truly that is known.

Returns are fractions (0.1 is ten percent), amounts are quote units (`currency`), moments are UTC.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from shared.contracts.fields import Contract, DecimalText, Moment
from shared.contracts.rpc.verb import RpcVerb
from shared.trading.status import PositionStatus, VenueEnvironment


class GetPerformance(Contract):
    """How one position did since a moment, or since its first flow."""

    user_id: UUID
    position_id: UUID
    since: Moment | None = None


class GetPortfolio(Contract):
    """How all positions did, one picture per environment: paper and live are never added up."""

    user_id: UUID
    since: Moment | None = None


class SlippageView(Contract):
    """Trading against the arrival price, the mid of the book when the plan was made; above zero is a cost, both sides.

    Fees are not in it.
    """

    cost: DecimalText
    bps: DecimalText | None = None
    """Ten-thousandths of what the same quantities were worth at arrival; null when nothing could be measured."""
    traded: DecimalText
    """Notional that it was measured on."""
    unmeasured: DecimalText
    """Notional of legs without an arrival price."""


class ReturnsView(Contract):
    """Returns over the range; null when there is nothing to measure."""

    since: Moment | None = None
    """Where the range begins: its start, or the first flow if that is later."""
    until: Moment | None = None
    time_weighted: DecimalText | None = None
    """Chained, valued at each flow: what the choice of coins did, whatever money came and went."""
    money_weighted: DecimalText | None = None
    """The rate over the range at which the flows grow into the value: what the money did."""
    money_weighted_annual: DecimalText | None = None
    """The same over 365 days (XIRR); null below thirty days."""
    max_drawdown: DecimalText
    """Deepest fall of the time-weighted line from a peak, zero or below; the start counts as a peak."""


class BenchmarksView(Contract):
    """What else the same time did; null where it is not known for the whole range."""

    bitcoin: DecimalText | None = None
    index: DecimalText | None = None
    """The index itself, without costs."""
    held: DecimalText | None = None
    """"Had I just held": what was bought with money from outside, never rebalanced, flows at the same moments."""
    tracking_difference: DecimalText | None = None
    """time_weighted - index."""


class ContributionView(Contract):
    """What one coin added to the P&L since the first flow; all of them together are the P&L."""

    asset: str
    """Empty for what was moved out at cost without a coin's name (dust of a close)."""
    realised: DecimalText
    unrealised: DecimalText
    moved: DecimalText
    """Gain on what left in kind: its value then minus what the books gave up for it."""
    total: DecimalText


class FlowView(Contract):
    """Money or coins that crossed the position's border."""

    number: int
    at: Moment
    kind: str
    """Of the run: `buy`, `invest`, `withdraw`, `close`, `rebalance` (what it left over), …"""
    amount: DecimalText
    """Above zero into the position."""
    before: DecimalText
    after: DecimalText


class PerformancePoint(Contract):
    """One moment of the lines; `growth` and the benchmarks start at 1."""

    at: Moment
    value: DecimalText
    net_in: DecimalText
    """Put in minus taken out so far."""
    pnl: DecimalText
    """value - net_in."""
    growth: DecimalText
    """What one unit has become, time-weighted."""
    bitcoin: DecimalText | None = None
    index: DecimalText | None = None
    held: DecimalText | None = None
    drift: DecimalText | None = None
    """Largest |weight - target|."""


class TotalsView(Contract):
    """Figures since the first flow; quote units."""

    value: DecimalText
    cost: DecimalText
    realised: DecimalText
    unrealised: DecimalText
    pnl: DecimalText
    """value + taken_out - paid_in."""
    fees: DecimalText
    """Shown, not subtracted again: they are inside cost and realised already."""
    paid_in: DecimalText
    taken_out: DecimalText
    slippage: SlippageView


class Performance(Contract):
    """One position's results."""

    position_id: UUID
    environment: VenueEnvironment | None = None
    currency: Literal["USDT"] = "USDT"
    status: PositionStatus | None = None
    at: Moment | None = None
    """Of the figures; null while nothing was ever bought."""
    totals: TotalsView | None = None
    gain: DecimalText | None = None
    """P&L inside the range."""
    returns: ReturnsView
    benchmarks: BenchmarksView
    drift: DecimalText | None = None
    """Largest |weight - target| at the last point."""
    contributions: list[ContributionView]
    flows: list[FlowView]
    points: list[PerformancePoint]


class EnvironmentPortfolio(Contract):
    """All positions of one environment."""

    environment: VenueEnvironment
    currency: Literal["USDT"] = "USDT"
    positions: int
    """Of all that ever bought something."""
    open_positions: int
    totals: TotalsView
    gain: DecimalText
    """P&L inside the range."""
    returns: ReturnsView
    points: list[PerformancePoint]


class Portfolio(Contract):
    """One entry per environment in which anything was ever bought."""

    environments: list[EnvironmentPortfolio]


GET_PERFORMANCE = RpcVerb("reconciler", "get_performance", GetPerformance, Performance, callers=("gateway",))
GET_PORTFOLIO = RpcVerb("reconciler", "get_portfolio", GetPortfolio, Portfolio, callers=("gateway",))
VERBS = (GET_PERFORMANCE, GET_PORTFOLIO)
