"""What rebalancing costs: 70 monthly snapshots of real market caps, held and checked once a month."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from kit.index_turnover import SNAPSHOTS, Month, Outcome, all_to_target, only_the_drifted, read_months, run, sell_all

from market_data.domain.built_in import top
from market_data.domain.index_rules import Buffer, IndexRules, Weighting
from shared.trading.money import ZERO

EXCLUDED = Path(__file__).with_name("excluded_coins_2020_2025.csv")
D = Decimal
BY_CAP, BY_ROOT, EQUAL = (
    top(10, weighting) for weighting in (Weighting.MARKET_CAP, Weighting.SQRT_CAP, Weighting.EQUAL)
)
AT_MOST = [
    (EQUAL, False, D("17.9")),
    (BY_ROOT, False, D("7.3")),
    (BY_CAP, False, D("6.3")),
    (EQUAL, True, D("10.1")),
    (BY_ROOT, True, D("3.8")),
    (BY_CAP, True, D("4.1")),
]


@cache
def kept(folder: Path) -> list[Month]:
    return read_months(folder / SNAPSHOTS, EXCLUDED)


@pytest.fixture
def months(recorded_data: Path) -> list[Month]:
    return kept(recorded_data)


def tell(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def with_buffer(rules: IndexRules, buffered: bool) -> IndexRules:
    return rules if buffered else replace(rules, buffer=Buffer())


def a_line(name: str, outcome: Outcome) -> str:
    return (
        f"{name:<18} turnover {outcome.turnover:6.2f}  in {outcome.trades:2} months, {outcome.entrants:2} entrants,"
        f"  against the unbanded index {outcome.difference_a_year:+.2%} a year,"
        f" tracking error {outcome.tracking_error:.2%}"
    )


@pytest.mark.parametrize(("rules", "buffered", "at_most"), AT_MOST)
def test_the_band_trades_no_more_than_the_yardstick(
    months: list[Month], capsys: pytest.CaptureFixture[str], rules: IndexRules, buffered: bool, at_most: Decimal
) -> None:
    assert len(months) == 70
    index = with_buffer(rules, buffered)
    lazy, whole, sold = (run(index, months, rule) for rule in (only_the_drifted, all_to_target, sell_all))
    with capsys.disabled():
        tell(f"\n{index.index_id}, {'with' if buffered else 'without'} rank buffer; at most {at_most}")
        for name, outcome in (("only the drifted", lazy), ("all to target", whole), ("sell all, re-buy", sold)):
            tell("  " + a_line(name, outcome))
    assert lazy.turnover <= at_most
    assert lazy.turnover <= whole.turnover <= sold.turnover
    # A rebalancer that trades little by looking away shows here.
    assert abs(lazy.difference_a_year) < 0.02
    assert lazy.tracking_error < 0.055


def test_every_coin_left_out_in_the_last_month_is_told_with_its_reason(
    months: list[Month], capsys: pytest.CaptureFixture[str]
) -> None:
    last = run(BY_CAP, months, only_the_drifted).last
    assert last is not None
    with capsys.disabled():
        tell(f"\nleft out of {last.rules.index_id} on {last.as_of:%Y-%m-%d}:")
        for one in last.exclusions:
            tell(f"  rank {one.rank:3} {one.asset:<8} {one.reason}")
    inside = {item.source_id for item in last.constituents}
    deepest = max(item.rank for item in last.constituents)
    above = {one.source_id for one in months[-1].verdicts[:deepest]}
    assert above == inside | {one.source_id for one in last.exclusions if one.rank <= deepest}
    told = Counter(one.reason for one in last.exclusions)
    assert told["category:stablecoins"] >= 2
    assert set(told) <= {"category:stablecoins", "category:wrapped-tokens", "waits_for_enter_rank", "past_leave_rank"}


def test_no_stable_or_wrapped_coin_is_ever_a_constituent_and_terra_left_when_it_fell(months: list[Month]) -> None:
    banned = {line.split(",")[0] for line in EXCLUDED.read_text("utf-8").splitlines() if not line.startswith("#")}
    members: list[set[str]] = []
    for month in months:
        seen = [one for one in month.verdicts if one.source_id in banned]
        assert all(not hasattr(one, "coin") for one in seen)
        members.append({one.source_id for one in month.verdicts[:20] if hasattr(one, "coin")})
    assert any("LUNC" in one for one in members[:29])
    outcome = run(with_buffer(BY_CAP, buffered=True), months, only_the_drifted)
    assert outcome.last is not None
    assert "LUNC" not in {item.source_id for item in outcome.last.constituents}


def test_the_rules_by_hand() -> None:
    """.50/.30/.20 wanted, .60/.24/.16 held: A is past the band and sells .10; C lacks .04, B .06: B first, then C."""
    held = {"A": D("0.60"), "B": D("0.24"), "C": D("0.16")}
    targets = {"A": D("0.50"), "B": D("0.30"), "C": D("0.20")}
    assert only_the_drifted(held, targets) == ({"A": D("0.50"), "B": D("0.30"), "C": D("0.20")}, D("0.20"))
    near = {"A": D("0.54"), "B": D("0.27"), "C": D("0.19")}
    assert only_the_drifted(near, targets) == (near, ZERO)
    # D came for C: C's .16 buys D's .20, the lacking .04 comes from A, the most overweight.
    fresh = {"A": D("0.53"), "B": D("0.29"), "D": D("0.18")}
    after, traded = only_the_drifted({"A": D("0.56"), "B": D("0.28"), "C": D("0.16")}, fresh)
    assert (after, traded) == ({"A": D("0.54"), "B": D("0.28"), "D": D("0.18")}, D("0.36"))
    assert all_to_target(near, targets) == (near, ZERO)
    assert all_to_target(held, targets) == (targets, D("0.20"))
    assert sell_all(held, targets) == (targets, D(2))
    swapped = {"A": D("0.50"), "B": D("0.30"), "E": D("0.20")}
    assert sell_all({"A": D("0.50"), "B": D("0.30"), "C": D("0.20")}, swapped) == (swapped, D("0.40"))
