from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from market_data.domain.difference import difference
from market_data.domain.index_rules import IndexRules
from market_data.domain.index_version import Composition, Constituent, Exclusion, IndexVersion
from market_data.domain.level import advance
from market_data.domain.reconstitution import Reason, due, recipe_of
from shared.trading.status import VenueEnvironment

D = Decimal
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RULES = IndexRules(index_id="two", name="Two", description="", size=2)


def a_version(number: int, weights: dict[str, str], *, exclusions: tuple[Exclusion, ...] = ()) -> IndexVersion:
    members = tuple(
        Constituent(
            asset=asset,
            symbol=f"{asset}USDT",
            source_id=asset.lower(),
            name=asset,
            market_cap=D(1),
            price=D(10),
            weight=D(weight),
            rank=place,
        )
        for place, (asset, weight) in enumerate(weights.items(), start=1)
    )
    return IndexVersion(
        environment=VenueEnvironment.PAPER,
        version=number,
        recipe="r:t",
        composition=Composition(rules=RULES, constituents=members, exclusions=exclusions, as_of=NOW),
        user_id=UUID(int=1),
    )


def prices(**each: str) -> dict[str, Decimal]:
    return {f"{asset}USDT": D(price) for asset, price in each.items()}


def test_the_level_begins_at_1000_and_moves_with_the_weighted_prices() -> None:
    """.6 × 110/100 + .4 × 45/50 = 1.02."""
    version = a_version(1, {"A": "0.6", "B": "0.4"})
    base, first = advance(None, version, prices(A="100", B="50"), at=NOW)
    assert (first.level, first.pinned, first.stale) == (Decimal(1000), True, ())
    _, later = advance(base, version, prices(A="110", B="45"), at=NOW)
    assert (later.level, later.pinned) == (Decimal(1020), False)


def test_a_new_version_does_not_make_the_level_jump_and_counts_from_there() -> None:
    """1020 at the change; then C +10 % at weight .5 and A −20 % at .5: 1020 × (.5 × 1.1 + .5 × .8) = 969."""
    old, new = a_version(1, {"A": "0.6", "B": "0.4"}), a_version(2, {"A": "0.5", "C": "0.5"})
    base, _ = advance(None, old, prices(A="100", B="50"), at=NOW)
    base, changed = advance(base, new, prices(A="110", B="45", C="2"), at=NOW)
    assert (changed.level, changed.version, changed.pinned) == (Decimal(1020), 2, True)
    _, later = advance(base, new, prices(A="88", C="2.2"), at=NOW)
    assert later.level == 969


def test_a_constituent_without_a_price_keeps_its_last_one_and_is_flagged() -> None:
    version = a_version(1, {"A": "0.6", "B": "0.4"})
    base, _ = advance(None, version, prices(A="100", B="50"), at=NOW)
    base, _ = advance(base, version, prices(A="100", B="60"), at=NOW)
    _, point = advance(base, version, prices(A="110"), at=NOW)
    assert (point.level, point.stale) == (Decimal(1140), ("BUSDT",))  # .6 × 1.1 + .4 × 1.2


def test_a_coin_never_priced_at_the_venue_begins_at_the_sources_price() -> None:
    version = a_version(1, {"A": "0.6", "B": "0.4"})
    base, first = advance(None, version, prices(A="100"), at=NOW)
    assert (first.level, first.stale) == (Decimal(1000), ("BUSDT",))
    _, later = advance(base, version, prices(A="100", B="11"), at=NOW)
    assert later.level == 1040  # .6 + .4 × 11/10


def test_levels_are_chained_to_the_last_digit_however_often_the_version_changes() -> None:
    base, point = advance(None, a_version(1, {"A": "0.6", "B": "0.4"}), prices(A="3", B="7"), at=NOW)
    for number in range(2, 40):
        first = f"0.{number:02d}"
        version = a_version(number, {"A": first, "B": str(1 - D(first))})
        base, point = advance(base, version, prices(A="3", B="7"), at=NOW)
    assert point.level == 1000


def test_the_difference_tells_who_came_who_went_and_why() -> None:
    old = a_version(1, {"A": "0.6", "B": "0.4"})
    left = Exclusion(asset="B", source_id="b", rank=14, reason="past_leave_rank")
    new = a_version(2, {"A": "0.5", "C": "0.5"}, exclusions=(left,))
    found = difference(old, new)
    assert [(one.asset, one.kind, one.before, one.after, one.reason) for one in found.changes] == [
        ("C", "entered", None, D("0.5"), "rank:2"),
        ("B", "left", D("0.4"), None, "past_leave_rank"),
        ("A", "weight", D("0.6"), D("0.5"), "market"),
    ]
    assert found.turnover == D("0.5")


def test_a_version_is_due_by_the_calendar_or_when_its_recipe_changed() -> None:
    rules = RULES
    made = a_version(1, {"A": "0.6", "B": "0.4"})
    version = IndexVersion(
        environment=made.environment, version=1, recipe=recipe_of(rules, "t1"), composition=made.composition
    )
    assert due(None, rules=rules, tables="t1", now=NOW) is Reason.FIRST
    assert due(version, rules=rules, tables="t1", now=NOW + timedelta(days=10)) is None
    assert due(version, rules=rules, tables="t1", now=NOW + timedelta(days=11)) is Reason.SCHEDULED  # 1 December
    assert due(version, rules=rules, tables="t2", now=NOW) is Reason.TABLES_CHANGED
    other = IndexRules(index_id="two", name="Two", description="", size=2, weight_cap=D("0.5"))
    assert due(version, rules=other, tables="t1", now=NOW) is Reason.RULES_CHANGED
