from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_data.domain.built_in import BUILT_IN, top
from market_data.domain.candidate import Candidate
from market_data.domain.coin import SourceCoin
from market_data.domain.errors import IndexRulesRefused, TooFewConstituents
from market_data.domain.index_rules import Buffer, Buffering, IndexRules, Weighting, must_make_sense
from market_data.domain.index_version import Composition
from market_data.domain.selection import compose
from shared.trading.instrument import Instrument
from shared.trading.weights import InfeasibleCap, InfeasibleFloor, bounded_weights

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
D = Decimal


def a_candidate(
    asset: str, cap: str | Decimal, *, rank: int = 1, volume: str | None = "1e9", since: date | None = date(2020, 1, 1)
) -> Candidate:
    coin = SourceCoin(
        source_id=asset.lower(),
        symbol=asset,
        name=asset,
        price=D(10),
        market_cap=D(cap),
        updated_at=NOW,
        place=rank,
        volume=None if volume is None else D(volume),
    )
    step = D("0.01")
    instrument = Instrument(
        symbol=f"{asset}USDT",
        base=asset,
        quote="USDT",
        lot_size=step,
        tick_size=step,
        min_quantity=step,
        min_notional=D(5),
        max_limit_quantity=D(1000),
    )
    return Candidate(coin=coin, instrument=instrument, rank=rank, known_since=since)


def a_market(*caps: str | int) -> list[Candidate]:
    """Coins A, B, C … with these caps, largest first."""
    return [a_candidate(chr(65 + place), str(cap), rank=place + 1) for place, cap in enumerate(caps)]


def some_rules(**changes: Any) -> IndexRules:
    return IndexRules(**{"index_id": "i", "name": "I", "description": "", "size": 4, **changes})


def weights(made: Composition) -> dict[str, str]:
    return {item.asset: str(item.weight.normalize()) for item in made.constituents}


def members(made: Composition) -> str:
    return "".join(item.asset for item in made.constituents)


def reasons(made: Composition) -> dict[str, str]:
    return {item.asset: item.reason for item in made.exclusions}


@pytest.mark.parametrize(
    ("cap", "expected"),
    [("0.40", ["0.4", "0.375", "0.15", "0.075"]), ("0.35", ["0.35", "0.35", "0.2", "0.1"])],
)
def test_caps_spread_their_excess_until_nobody_is_above(cap: str, expected: list[str]) -> None:
    """Caps 60/25/10/5: the 35 % case fails where the excess is spread only once."""
    made = compose(some_rules(weight_cap=D(cap)), a_market(60, 25, 10, 5), as_of=NOW)
    assert list(weights(made).values()) == expected


def test_a_floor_takes_from_the_others_in_proportion() -> None:
    """60/25/10/5 with at least 10 %: D rises to .10, and .90 is shared 60:25:10 until C would fall below .10 too."""
    made = compose(some_rules(weight_floor=D("0.1")), a_market(60, 25, 10, 5), as_of=NOW)
    # .90 × 10/95 = .0947 < .10, so C is pinned as well; .80 is shared 60:25.
    assert weights(made) == {"A": "0.564705882353", "B": "0.235294117647", "C": "0.1", "D": "0.1"}


def test_cap_and_floor_together() -> None:
    """90/5/3/2, none above 40 %, none below 15 %: A .40; .60 shared 5:3:2 is .30 .18 .12; D rises to .15, .45 5:3."""
    made = compose(some_rules(weight_cap=D("0.4"), weight_floor=D("0.15")), a_market(90, 5, 3, 2), as_of=NOW)
    assert weights(made) == {"A": "0.4", "B": "0.28125", "C": "0.16875", "D": "0.15"}


@pytest.mark.parametrize(
    ("changes", "error", "rule"),
    [
        ({"weight_cap": D("0.2499")}, InfeasibleCap, "N*max<1"),
        ({"weight_floor": D("0.2501")}, InfeasibleFloor, "N*min>1"),
        ({"weight_floor": D("0.2"), "weight_cap": D("0.1")}, InfeasibleFloor, "min>max"),
        ({"size": 0}, IndexRulesRefused, "size"),
        ({"cash_share": D("0.96")}, IndexRulesRefused, "cash_share"),
        ({"include": ("A",), "exclude": ("A",)}, IndexRulesRefused, "exclude"),
        ({"include": ("A", "B", "C", "D", "E")}, IndexRulesRefused, "include"),
        (
            {"weighting": Weighting.FIXED, "size": 2, "fixed": {"A": D("0.5"), "B": D("0.4")}},
            IndexRulesRefused,
            "fixed_weights",
        ),
        ({"weight_cap": D("0.33333333333333")}, IndexRulesRefused, "max_weight"),
    ],
)
def test_rules_that_contradict_themselves_are_refused_by_name(
    changes: dict[str, Any], error: type[Exception], rule: str
) -> None:
    with pytest.raises(error) as refused:
        must_make_sense(some_rules(**changes))
    assert refused.value.context["rule"] == rule  # type: ignore[attr-defined]


@pytest.mark.parametrize("rules", BUILT_IN, ids=lambda rules: rules.index_id)
def test_the_built_in_rules_make_sense(rules: IndexRules) -> None:
    must_make_sense(rules)


def test_the_square_root_and_equal_weights() -> None:
    market = a_market(81, 16, 4, 1)
    assert list(weights(compose(some_rules(weighting=Weighting.SQRT_CAP), market, as_of=NOW)).values()) == [
        "0.5625",
        "0.25",
        "0.125",
        "0.0625",
    ]
    assert set(weights(compose(some_rules(weighting=Weighting.EQUAL), market, as_of=NOW)).values()) == {"0.25"}


def test_thirds_sum_to_exactly_one() -> None:
    made = compose(some_rules(size=3, weighting=Weighting.EQUAL), a_market(3, 2, 1), as_of=NOW)
    assert sum(item.weight for item in made.constituents) == 1
    assert sorted(weights(made).values()) == ["0.333333333333", "0.333333333333", "0.333333333334"]


def test_fixed_weights_are_taken_as_they_are_and_a_lost_coin_leaves_its_weight_to_the_others() -> None:
    rules = some_rules(weighting=Weighting.FIXED, size=3, fixed={"A": D("0.5"), "C": D("0.3"), "D": D("0.2")})
    market = a_market(50, 40, 30, 20)
    made = compose(rules, market, as_of=NOW)
    assert weights(made) == {"A": "0.5", "C": "0.3", "D": "0.2"}
    assert reasons(made) == {}
    lost: list[Any] = [market[0], market[1], market[2].exclusion("not_trading"), market[3]]
    again = compose(rules, lost, as_of=NOW, previous=made.constituents)
    assert weights(again) == {"A": "0.714285714286", "D": "0.285714285714"}
    assert reasons(again) == {"C": "not_trading"}


def test_lists_floors_and_ages_decide_who_may_be_a_member_and_everybody_left_out_is_told() -> None:
    market = [
        a_candidate("A", "90", rank=1),
        a_candidate("B", "80", rank=2),
        a_candidate("C", "70", rank=3, volume="99"),
        a_candidate("D", "60", rank=4, volume=None),
        a_candidate("E", "50", rank=5, since=date(2026, 11, 1)),
        a_candidate("F", "40", rank=6, since=None),
        a_candidate("G", "30", rank=7),
        a_candidate("H", "20", rank=8),
        a_candidate("I", "10", rank=9, volume="1"),
    ]
    rules = some_rules(
        size=3, exclude=("B",), include=("I",), min_volume=D(100), min_age_days=30, buffer=Buffer(kind=Buffering.RANK)
    )
    made = compose(rules, market, as_of=NOW)
    assert members(made) == "AGI", "what is named is taken, whatever its volume"
    assert reasons(made) == {
        "B": "excluded_by_rules",
        "C": "volume_below_floor",
        "D": "volume_unknown",
        "E": "younger_than_floor",
        "F": "age_unknown",
    }


def test_a_newcomer_enters_at_seven_tenths_and_a_member_leaves_past_thirteen_tenths() -> None:
    """Size 10: in at rank 7, out past rank 13."""
    rules = some_rules(size=10, buffer=Buffer(kind=Buffering.RANK))
    order = "ABCDEFGHIJKLMNO"

    def made(order: str, previous: Composition | None = None) -> Composition:
        market = [a_candidate(asset, str(1000 - place), rank=place + 1) for place, asset in enumerate(order)]
        return compose(rules, market, as_of=NOW, previous=previous.constituents if previous else ())

    first = made(order)
    assert members(first) == "ABCDEFGHIJ"
    at_8_and_13 = made("ABCDEFGKHILMJNO", first)  # K newly at 8, J down at 13
    assert sorted(members(at_8_and_13)) == sorted("ABCDEFGHIJ")
    assert reasons(at_8_and_13) == {
        "K": "waits_for_enter_rank",
        "L": "waits_for_enter_rank",
        "M": "waits_for_enter_rank",
    }
    at_14 = made("ABCDEFGKHILMNJO", first)  # J down at 14: K, the best of the others, takes its place
    assert sorted(members(at_14)) == sorted("ABCDEFGHIK")
    assert reasons(at_14)["J"] == "past_leave_rank"
    at_7 = made("ABCDEFKGHIJLMNO", first)  # K at 7 pushes out the last by rank though it is only at 11
    assert sorted(members(at_7)) == sorted("ABCDEFGHIK")
    assert reasons(at_7) == {"J": "past_leave_rank"}


def test_a_challenger_must_exceed_the_last_members_cap_by_the_percentage() -> None:
    rules = some_rules(size=2, buffer=Buffer(kind=Buffering.CAP, cap_percent=D(5)))
    first = compose(rules, a_market(100, 50, 40), as_of=NOW)
    near = [a_candidate("A", "100"), a_candidate("C", "52.5", rank=2), a_candidate("B", "50", rank=3)]
    assert members(compose(rules, near, as_of=NOW, previous=first.constituents)) == "AB", "5 % exactly is not more"
    past = [near[0], a_candidate("C", "52.51", rank=2), near[2]]
    assert members(compose(rules, past, as_of=NOW, previous=first.constituents)) == "AC"


def test_too_few_coins_name_the_reasons() -> None:
    with pytest.raises(TooFewConstituents) as short:
        compose(some_rules(exclude=("A",)), a_market(4, 3, 2, 1), as_of=NOW)
    assert short.value.context["reasons"] == ["excluded_by_rules"]


LIMITS = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.decimals("0.01", "1e13", places=2), min_size=n, max_size=n),
        st.decimals(D(1) / n, 1, places=6).filter(lambda cap: cap * n >= 1),
        st.decimals(0, D(1) / n, places=6).filter(lambda floor: floor * n <= 1),
    )
)


@settings(deadline=None)
@given(LIMITS)
def test_weights_sum_to_exactly_one_inside_their_limits_and_weighing_them_again_changes_nothing(
    drawn: tuple[list[Decimal], Decimal, Decimal],
) -> None:
    values, cap, floor = drawn
    named = {f"C{place}": value for place, value in enumerate(values)}
    found = bounded_weights(named, cap=cap, floor=floor)
    assert sum(found.values()) == 1
    assert all(floor <= weight <= cap for weight in found.values())
    if all(found.values()):
        assert bounded_weights(found, cap=cap, floor=floor) == found
    ordered = sorted(named, key=lambda name: named[name])
    crumb = D("1e-10")
    assert all(found[low] <= found[high] + crumb for low, high in pairwise(ordered)), "a larger coin never weighs less"


def test_the_fingerprint_follows_what_decides_the_index_and_not_its_name() -> None:
    rules = top(10)
    assert replace(rules, name="Other").fingerprint_text() == rules.fingerprint_text()
    assert replace(rules, weight_floor=D("0.01")).fingerprint_text() != rules.fingerprint_text()
