"""When it is time to rebalance: by hand, and for whatever a position may look like."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.rebalancing import (
    Calendar,
    CoinWeight,
    Reach,
    RebalanceMode,
    RebalanceSettings,
    Standing,
    Trigger,
    decide,
)
from shared.trading.bands import WeightBand

D = Decimal
NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
"""A Wednesday."""
AUTOMATIC = RebalanceSettings(mode=RebalanceMode.AUTOMATIC)


def coins(**weights: tuple[str, str]) -> list[CoinWeight]:
    return [CoinWeight(symbol=name, weight=D(now), target=D(wanted)) for name, (now, wanted) in weights.items()]


def standing(**other: Any) -> Standing:
    known: dict[str, Any] = {
        "coins": coins(AAA=("0.5", "0.5"), BBB=("0.5", "0.5")),
        "value": D(1000),
        "index_version": 3,
        "newest_version": 3,
        "dated_from": NOW - timedelta(hours=1),
    }
    return Standing(**(known | other))


def trigger(settings: RebalanceSettings, at: Standing, now: datetime = NOW, **other: Any) -> Trigger | None:
    due = decide(settings, at, now, **other)
    return None if due is None else due.trigger


def test_a_balanced_position_is_left_alone() -> None:
    assert decide(AUTOMATIC, standing(), NOW) is None


def test_both_bands_work_together_and_one_suffices() -> None:
    near = standing(coins=coins(AAA=("0.549", "0.5"), BBB=("0.451", "0.5")))
    assert trigger(AUTOMATIC, near) is None
    points = standing(coins=coins(AAA=("0.55", "0.5"), BBB=("0.45", "0.5")))
    due = decide(AUTOMATIC, points, NOW)
    assert due is not None
    assert (due.trigger, due.reach, due.outside) == (Trigger.DRIFT, Reach.DRIFTED, ("AAA", "BBB"))
    small = standing(coins=coins(AAA=("0.95", "0.96"), BBB=("0.05", "0.04")))
    due = decide(AUTOMATIC, small, NOW)
    assert due is not None
    assert due.outside == ("BBB",), "a quarter of its own target, and one point only"


def test_what_has_no_fresh_price_is_no_reason_and_dust_is_none_either() -> None:
    halted = [replace(coin, priced=False) for coin in coins(AAA=("0.7", "0.5"))]
    assert trigger(AUTOMATIC, standing(coins=[*halted, *coins(BBB=("0.3", "0.3"))])) is None
    dust = coins(AAA=("0.996", "1"), OLD=("0.004", "0"))
    assert trigger(AUTOMATIC, standing(coins=dust)) is None
    assert trigger(AUTOMATIC, standing(coins=coins(AAA=("0.99", "1"), OLD=("0.01", "0")))) is Trigger.DRIFT


def test_golden_what_hangs_on_the_price_of_a_halted_coin_is_no_reason_to_trade() -> None:
    """XRP may be worth 0 to 20 of 100: BTC has 56 of 90 to 110, which is inside; at 66 it is outside in any case."""
    halted = CoinWeight(symbol="XRP", weight=D("0.1"), target=D("0.1"), priced=False)
    near = coins(BTC=("0.56", "0.5"), ETH=("0.34", "0.4"))
    assert trigger(AUTOMATIC, standing(coins=[*near, halted])) is None
    assert trigger(AUTOMATIC, standing(coins=[*near, replace(halted, priced=True)])) is Trigger.DRIFT
    far = decide(AUTOMATIC, standing(coins=[*coins(BTC=("0.66", "0.5"), ETH=("0.24", "0.4")), halted]), NOW)
    assert far is not None
    assert (far.trigger, far.outside) == (Trigger.DRIFT, ("BTC", "ETH"))


def test_nothing_is_known_while_every_price_is_old() -> None:
    old = [replace(coin, priced=False) for coin in coins(AAA=("0.9", "0.5"), BBB=("0.1", "0.5"))]
    assert trigger(AUTOMATIC, standing(coins=[*old, *coins(CCC=("0", "0"))])) is None


@given(
    values=st.lists(st.integers(1, 100), min_size=2, max_size=5),
    targets=st.lists(st.integers(1, 20), min_size=5, max_size=5),
    eighths=st.integers(0, 16),
)
def test_what_is_due_by_drift_while_a_coin_is_halted_is_due_at_every_price_of_it(
    values: list[int], targets: list[int], eighths: int
) -> None:
    hair = replace(AUTOMATIC, band=WeightBand(absolute=D("0.049999999"), relative=D("0.249999999")))  # weights round

    def weighed(worth: list[Decimal], *, halted: bool) -> set[str]:
        rows = [
            CoinWeight(
                symbol=f"C{number}",
                weight=value / sum(worth),
                target=D(target) / sum(targets[: len(worth)]),
                priced=number > 0 or not halted,
            )
            for number, (value, target) in enumerate(zip(worth, targets, strict=False))
        ]
        due = decide(AUTOMATIC if halted else hair, standing(coins=rows), NOW)
        return set(due.outside) if due else set()

    last = [D(value) for value in values]
    then = [last[0] * eighths / 8, *last[1:]]
    assert weighed(last, halted=True) <= weighed(then, halted=False)


def test_a_coin_that_is_missing_is_due_however_wide_the_bands() -> None:
    wide = replace(AUTOMATIC, band=WeightBand(absolute=D("0.5"), relative=D(10)))
    assert trigger(wide, standing(coins=coins(AAA=("1", "0.97"), BBB=("0", "0.03")))) is Trigger.DRIFT


def test_the_index_comes_first_and_is_looked_at_once() -> None:
    assert trigger(AUTOMATIC, standing(newest_version=4)) is Trigger.INDEX_CHANGED
    assert trigger(AUTOMATIC, standing(newest_version=4, index_version=4)) is None
    assert trigger(AUTOMATIC, standing(newest_version=2)) is None, "an older answer is no news"


@pytest.mark.parametrize(
    ("calendar", "begins"),
    [
        (Calendar.WEEKLY, datetime(2026, 11, 16, tzinfo=UTC)),
        (Calendar.MONTHLY, datetime(2026, 11, 1, tzinfo=UTC)),
        (Calendar.QUARTERLY, datetime(2026, 10, 1, tzinfo=UTC)),
    ],
)
def test_a_date_is_due_once_and_takes_everything_to_its_target(calendar: Calendar, begins: datetime) -> None:
    dated = replace(AUTOMATIC, calendar=calendar)
    assert calendar.begins(NOW) == begins
    before = standing(dated_from=begins - timedelta(seconds=1))
    due = decide(dated, before, NOW)
    assert due is not None
    assert (due.trigger, due.reach) == (Trigger.CALENDAR, Reach.FULL)
    assert due.band.outside(weight=D("0.506"), target=D("0.5"))
    assert trigger(dated, replace(before, last_at=begins)) is None, "a rebalance since then was the one"
    assert trigger(dated, replace(before, dated_from=begins)) is None
    assert trigger(AUTOMATIC, before) is None, "without a calendar no date is due"


def test_the_cooldown_is_kept_to_the_second() -> None:
    drifted = standing(coins=coins(AAA=("0.6", "0.5"), BBB=("0.4", "0.5")), last_at=NOW, newest_version=4)
    assert trigger(AUTOMATIC, drifted, NOW + timedelta(hours=24) - timedelta(seconds=1)) is None
    assert trigger(AUTOMATIC, drifted, NOW + timedelta(hours=24)) is Trigger.INDEX_CHANGED


def test_new_cash_counts_beyond_what_the_index_keeps() -> None:
    assert trigger(AUTOMATIC, standing(value=D(950), cash=D(50))) is Trigger.NEW_CASH
    assert trigger(AUTOMATIC, standing(value=D(951), cash=D(49))) is None
    kept = standing(value=D(900), cash=D(100), cash_share=D("0.1"))
    assert trigger(AUTOMATIC, kept) is None


def test_buying_only_waits_for_money() -> None:
    careful = replace(AUTOMATIC, buy_only=True)
    drifted = standing(coins=coins(AAA=("0.6", "0.5"), BBB=("0.4", "0.5")))
    assert trigger(careful, drifted) is None
    due = decide(careful, replace(drifted, cash=D(20)), NOW)
    assert due is not None
    assert due.reach is Reach.BUY_ONLY


def test_a_suggestion_ends_only_well_inside_the_band() -> None:
    back = standing(coins=coins(AAA=("0.545", "0.5"), BBB=("0.455", "0.5")))
    assert trigger(AUTOMATIC, back) is None
    assert trigger(AUTOMATIC, back, stands=True) is Trigger.DRIFT
    well = standing(coins=coins(AAA=("0.539", "0.5"), BBB=("0.461", "0.5")))
    assert trigger(AUTOMATIC, well, stands=True) is None


FRACTIONS = st.decimals(min_value=0, max_value=1, places=6)
MODES = st.sampled_from(list(RebalanceMode))
SETTINGS = st.builds(
    RebalanceSettings,
    mode=MODES,
    band=st.builds(
        WeightBand,
        absolute=st.decimals(min_value="0.005", max_value="0.5", places=4),
        relative=st.decimals(min_value="0.05", max_value="10", places=2),
    ),
    calendar=st.sampled_from(list(Calendar)),
    cooldown=st.timedeltas(min_value=timedelta(hours=1), max_value=timedelta(days=365)),
    buy_only=st.booleans(),
)
STANDINGS = st.builds(
    Standing,
    coins=st.lists(st.builds(CoinWeight, symbol=st.just("AAA"), weight=FRACTIONS, target=FRACTIONS), max_size=5),
    value=st.decimals(min_value=0, max_value=10**6, places=2),
    cash=st.decimals(min_value=0, max_value=10**6, places=2),
    cash_share=st.decimals(min_value=0, max_value="0.9", places=2),
    index_version=st.integers(0, 5),
    newest_version=st.integers(0, 5),
    last_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    dated_from=st.datetimes(timezones=st.just(UTC)),
)


@given(chosen=SETTINGS, found=STANDINGS)
def test_nothing_is_ever_due_by_hand_or_within_the_cooldown(chosen: RebalanceSettings, found: Standing) -> None:
    assert decide(replace(chosen, mode=RebalanceMode.MANUAL), found, NOW) is None
    fresh = replace(found, last_at=NOW - chosen.cooldown + timedelta(seconds=1))
    assert decide(chosen, fresh, NOW) is None


@given(chosen=SETTINGS, weights=st.lists(FRACTIONS, max_size=6))
def test_a_position_at_its_targets_is_never_due(chosen: RebalanceSettings, weights: list[Decimal]) -> None:
    even = [CoinWeight(symbol=str(at), weight=weight, target=weight) for at, weight in enumerate(weights)]
    assert decide(chosen, standing(coins=even, dated_from=NOW), NOW) is None


def test_a_date_and_a_new_version_are_one_rebalance_once_versions_are_made() -> None:
    monthly = replace(AUTOMATIC, calendar=Calendar.MONTHLY)
    first = datetime(2026, 11, 1, tzinfo=UTC)
    both = standing(newest_version=4, dated_from=first - timedelta(days=20))
    assert decide(monthly, both, first + timedelta(hours=5, minutes=59)) is None, "the month's versions are being made"
    due = decide(monthly, both, first + timedelta(hours=6))
    assert due is not None
    assert (due.trigger, due.reach, due.dated) == (Trigger.INDEX_CHANGED, Reach.FULL, True)
    after = replace(both, index_version=4, last_at=first + timedelta(hours=6))
    assert trigger(replace(monthly, cooldown=timedelta(0)), after, first + timedelta(hours=7)) is None


def test_a_version_without_a_date_trades_what_is_off_alone() -> None:
    due = decide(AUTOMATIC, standing(newest_version=4), NOW)
    assert due is not None
    assert (due.trigger, due.reach, due.dated) == (Trigger.INDEX_CHANGED, Reach.DRIFTED, False)
