"""The yardstick of rebalancing: monthly snapshots of market caps, the product's own selection, three ways to trade.

Selection, buffer and weights are the product's code, and so is `only_the_drifted`: whether it is time comes from the
decision that runs for positions, what is traded from the draft of their plans. The two rules beside it stand here, on
fractions of one portfolio without fees.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path

from execution.domain.basket import Bands, Basket
from execution.domain.part import Part
from execution.domain.plan import Mode
from execution.domain.rebalance import draft_rebalance
from execution.domain.sizing import SizingRules
from gateway.domain.rebalancing import CoinWeight, Due, RebalanceMode, RebalanceSettings, Standing, decide
from market_data.domain.candidate import Verdict
from market_data.domain.coin import SourceCoin, SourceList
from market_data.domain.index_rules import IndexRules
from market_data.domain.index_version import Composition
from market_data.domain.reviewed import ReviewedCoin
from market_data.domain.selection import compose, screen
from shared.trading.bands import WeightBand
from shared.trading.instrument import Instrument
from shared.trading.money import ONE, ZERO
from shared.trading.quote import Quote

SNAPSHOTS = "coinmarketcap_monthly_top200_2020_2025.csv"
BAND = Decimal("0.05")
SETTINGS = RebalanceSettings(
    mode=RebalanceMode.AUTOMATIC, band=WeightBand(absolute=BAND, relative=Decimal(10)), cooldown=timedelta(days=1)
)
"""The band in points alone, as the yardsticks beside it have it."""
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
WORTH = Decimal(10**9)
"""What the portfolio is worth while it trades, quote units."""
LOST = Decimal("0.5")
"""A coin that leaves the file is valued at half: nobody knows, and neither nothing nor everything would be fair."""
TERRA_CLASSIC_FROM = datetime(2022, 6, 1, tzinfo=UTC)
"""Until then the ticker LUNA was the coin that is LUNC since; the new LUNA is another coin."""

Weights = dict[str, Decimal]
Rule = Callable[[Weights, Weights], tuple[Weights, Decimal]]
"""Weights before and targets → weights after, and what was bought plus sold, in portfolios."""


@dataclass(frozen=True, slots=True)
class Month:
    """One snapshot: every coin's verdict, largest first, and its price in US dollars by ticker."""

    at: datetime
    verdicts: Sequence[Verdict]
    prices: Mapping[str, Decimal]


@dataclass(slots=True)
class Outcome:
    """What a way of trading came to.

    Attributes:
        turnover: Buys plus sells, in multiples of the portfolio.
        trades: Months in which something was traded.
        apart: Portfolio's return minus the unbanded index's, for each month.
        ratio: Portfolio's value divided by the index's, both from 1.
        last: The composition of the last month.
    """

    turnover: Decimal = ZERO
    trades: int = 0
    entrants: int = 0
    apart: list[Decimal] = field(default_factory=list)
    ratio: Decimal = ONE
    last: Composition | None = None

    @property
    def difference_a_year(self) -> float:
        """How much the portfolio gained on the index each year, a fraction; for reading only."""
        return math.pow(float(self.ratio), 12 / len(self.apart)) - 1

    @property
    def tracking_error(self) -> float:
        """Standard deviation of the monthly differences, for a year; for reading only."""
        mean = sum(self.apart, ZERO) / len(self.apart)
        variance = sum(((one - mean) ** 2 for one in self.apart), ZERO) / (len(self.apart) - 1)
        return math.sqrt(float(variance) * 12)


def only_the_drifted(weights: Weights, targets: Weights) -> tuple[Weights, Decimal]:
    """What the product does: trade only the difference, and only of who left, came or drifted past the band.

    What that frees goes to the most underweight first, what it lacks comes from the most overweight first, neither
    past its target. Every month brings an index version.
    """
    due = decide(SETTINGS, _standing(weights, targets), MOMENT)
    if due is None:
        return weights, ZERO
    basket = _basket(weights, targets, due)
    draft = draft_rebalance(basket, Mode(due.reach.value))
    if not draft.executable:
        return weights, ZERO
    after = basket.after(draft.trades)
    traded = sum((trade.notional for trade in draft.trades if trade.ok), ZERO)
    return {name: after[name] / WORTH for name in targets}, traded / WORTH


def _standing(weights: Weights, targets: Weights) -> Standing:
    coins = [
        CoinWeight(symbol=name, weight=weights.get(name, ZERO), target=targets.get(name, ZERO))
        for name in {*weights, *targets}
    ]
    return Standing(coins=coins, value=WORTH, index_version=1, newest_version=2, dated_from=MOMENT)


def _basket(weights: Weights, targets: Weights, due: Due) -> Basket:
    """Coins of one unit of money each, so finely divided that lots and minimums move nothing."""
    parts = [
        Part(
            asset=name,
            symbol=name,
            held=weights.get(name, ZERO) * WORTH,
            cost=weights.get(name, ZERO) * WORTH,
            weight=targets.get(name, ZERO),
            instrument=replace(_instrument(name), symbol=name),
            quote=Quote(symbol=name, bid=ONE, ask=ONE, last=ONE, at=MOMENT),
        )
        for name in {*weights, *targets}
    ]
    return Basket(
        parts=parts,
        cash=ZERO,
        cash_share=ZERO,
        cap=ONE,
        rules=SizingRules(band=ZERO),
        bands=Bands(absolute=due.band.absolute, relative=due.band.relative, smallest=ZERO),
        fee_rate=ZERO,
        now=MOMENT,
    )


def all_to_target(weights: Weights, targets: Weights) -> tuple[Weights, Decimal]:
    """Trade the difference of every coin as soon as one of them left, came or drifted past the band."""
    names = {*weights, *targets}
    if not any(_must(name, weights, targets) for name in names):
        return weights, ZERO
    moved = sum((abs(weights.get(name, ZERO) - targets.get(name, ZERO)) for name in names), ZERO)
    return dict(targets), moved


def sell_all(weights: Weights, targets: Weights) -> tuple[Weights, Decimal]:
    """Sell everything and buy it again, unless coins can be swapped one for one within the band."""
    names = {*weights, *targets}
    if not any(_must(name, weights, targets) for name in names):
        return weights, ZERO
    left = sorted((weights[name] for name in weights if name not in targets), reverse=True)
    came = sorted((targets[name] for name in targets if name not in weights), reverse=True)
    stayed = [name for name in weights if name in targets]
    swaps = len(left) == len(came) and all(abs(a - b) < BAND for a, b in zip(left, came, strict=True))
    if not swaps or any(_must(name, weights, targets) for name in stayed):
        return dict(targets), Decimal(2)
    after = {name: weights[name] for name in stayed}
    newcomers = sorted((name for name in targets if name not in weights), key=lambda one: -targets[one])
    after |= dict(zip(newcomers, left, strict=True))
    return after, 2 * sum(left, ZERO)


def _must(name: str, weights: Weights, targets: Weights) -> bool:
    if name not in targets or name not in weights:
        return True
    return abs(weights[name] - targets[name]) >= BAND


def run(rules: IndexRules, months: Sequence[Month], rule: Rule) -> Outcome:
    """Hold an index from the first month on and check it once a month; the first purchase is not counted."""
    outcome = Outcome()
    composition = compose(rules, months[0].verdicts, as_of=months[0].at)
    targets = _targets(composition)
    weights = dict(targets)
    for before, month in pairwise(months):
        composition = compose(rules, month.verdicts, as_of=month.at, previous=composition.constituents)
        moved = {name: _factor(name, before, month) for name in {*weights, *targets}}
        value = sum((share * moved[name] for name, share in weights.items()), ZERO)
        index = sum((share * moved[name] for name, share in targets.items()), ZERO)
        outcome.apart.append(value - index)
        outcome.ratio = outcome.ratio * value / index
        members, targets = set(targets), _targets(composition)
        outcome.entrants += len(set(targets) - members)
        weights, traded = rule({name: share * moved[name] / value for name, share in weights.items()}, targets)
        outcome.turnover += traded
        outcome.trades += traded > 0
    outcome.last = composition
    return outcome


def _targets(composition: Composition) -> Weights:
    return {item.source_id: item.weight for item in composition.constituents}


def _factor(name: str, before: Month, now: Month) -> Decimal:
    return now.prices[name] / before.prices[name] if name in now.prices and name in before.prices else LOST


def read_months(snapshots: Path, excluded: Path) -> list[Month]:
    """Every snapshot as the product's screening sees it; the venue is taken to list every coin.

    Args:
        snapshots: The recorded file.
        excluded: Our own table of tickers and categories.
    """
    lines = [line for line in excluded.read_text("utf-8").splitlines() if not line.startswith("#")]
    categories = {row["symbol"]: row["category"] for row in csv.DictReader(lines)}
    by_month: dict[str, list[SourceCoin]] = {}
    with snapshots.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            known = by_month.setdefault(row["snapshot_date"], [])
            known.extend(_coin(row, len(known) + 1))
    return [_month(coins, categories) for _, coins in sorted(by_month.items())]


def _coin(row: Mapping[str, str], place: int) -> Iterator[SourceCoin]:
    at = datetime.strptime(row["snapshot_date"], "%Y%m%d").replace(tzinfo=UTC)
    try:
        cap, price, volume = (Decimal(row[name]) for name in ("Market Cap", "Price", "Volume (24h)"))
    except InvalidOperation:
        return
    if cap <= 0 or price <= 0:
        return
    symbol = row["Symbol"].upper()
    name = "LUNC" if symbol == "LUNA" and at < TERRA_CLASSIC_FROM else symbol
    yield SourceCoin(
        source_id=name,
        symbol=name,
        name=row["Name"],
        price=price,
        market_cap=cap,
        updated_at=at,
        place=place,
        volume=volume,
    )


def _month(coins: Sequence[SourceCoin], categories: Mapping[str, str]) -> Month:
    once = {coin.source_id: coin for coin in reversed(coins)}
    [at] = {coin.updated_at for coin in coins}
    listing = SourceList(coins=tuple(once.values()), broken=(), at=at)
    table = {name: _review(name, categories.get(name, ""), at) for name in once}
    instruments = {f"{name}USDT": _instrument(name) for name in once}
    verdicts = screen(listing, table=table, instruments=instruments, now=at)
    return Month(at=at, verdicts=verdicts, prices={name: coin.price for name, coin in once.items()})


def _review(name: str, category: str, at: datetime) -> ReviewedCoin:
    known = (at - timedelta(days=3650)).date()
    return ReviewedCoin(source_id=name, source_symbol=name, base=name, excluded_as=category, known_since=known)


def _instrument(base: str) -> Instrument:
    step = Decimal("0.00000001")
    return Instrument(
        symbol=f"{base}USDT",
        base=base,
        quote="USDT",
        lot_size=step,
        tick_size=step,
        min_quantity=step,
        min_notional=Decimal(5),
        max_limit_quantity=Decimal(10**12),
    )
