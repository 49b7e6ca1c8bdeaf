from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_data.domain.built_in import BUILT_IN
from market_data.domain.candidate import Candidate
from market_data.domain.coin import BrokenRow, SourceCoin, SourceList
from market_data.domain.errors import TooFewConstituents
from market_data.domain.identity import Candle
from market_data.domain.index_rules import IndexRules
from market_data.domain.renames import How, Rename, Renames
from market_data.domain.reviewed import ReviewedCoin
from market_data.domain.selection import NO_RENAMES, compose, prove, screen
from shared.trading.instrument import Instrument

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def a_coin(symbol: str, *, cap: str = "1000", price: str = "10", **changes: object) -> SourceCoin:
    facts = {
        "source_id": symbol.lower(),
        "symbol": symbol,
        "name": symbol,
        "price": Decimal(price),
        "market_cap": Decimal(cap),
        "updated_at": NOW - timedelta(seconds=30),
        "place": 1,
        **changes,
    }
    return SourceCoin(**facts)  # type: ignore[arg-type]


def a_review(symbol: str, *, base: str | None = None, excluded_as: str = "") -> ReviewedCoin:
    return ReviewedCoin(
        source_id=symbol.lower(),
        source_symbol=symbol,
        base=symbol if base is None else base,
        excluded_as=excluded_as,
    )


def an_instrument(base: str, *, trading: bool = True) -> Instrument:
    return Instrument(
        symbol=f"{base}USDT",
        base=base,
        quote="USDT",
        lot_size=Decimal("0.01"),
        tick_size=Decimal("0.01"),
        min_quantity=Decimal("0.01"),
        min_notional=Decimal(5),
        max_limit_quantity=Decimal(1000),
        trading=trading,
    )


def verdict_of(
    coin: SourceCoin, *, reviewed: ReviewedCoin | None, listed: Instrument | None, renames: Renames = NO_RENAMES
) -> str:
    [verdict] = screen(
        SourceList(coins=(coin,), broken=(), at=NOW),
        table={reviewed.source_id: reviewed} if reviewed else {},
        instruments={listed.symbol: listed} if listed else {},
        now=NOW,
        renames=renames,
    )
    return "candidate" if isinstance(verdict, Candidate) else verdict.reason


def test_an_ordinary_listed_coin_is_a_candidate() -> None:
    assert verdict_of(a_coin("BTC"), reviewed=a_review("BTC"), listed=an_instrument("BTC")) == "candidate"


@pytest.mark.parametrize(
    ("coin", "reviewed", "listed", "reason"),
    [
        (a_coin("DAI"), a_review("DAI", excluded_as="stablecoins"), an_instrument("DAI"), "category:stablecoins"),
        (
            a_coin("NEW", categories=frozenset({"wrapped-tokens"})),
            a_review("NEW"),
            an_instrument("NEW"),
            "category:wrapped-tokens",
        ),
        (a_coin("NEW"), None, an_instrument("NEW"), "not_in_table"),
        (a_coin("LEO"), a_review("LEO", base=""), None, "not_listed"),
        (a_coin("XMR"), a_review("XMR"), None, "not_listed"),
        (a_coin("OLD"), a_review("OLD"), an_instrument("OLD", trading=False), "not_trading"),
        (a_coin("BTC"), a_review("BTC", base="ETH"), an_instrument("ETH"), "identity_mismatch"),
        (a_coin("BTCX", source_id="btc"), a_review("BTC"), an_instrument("BTC"), "identity_mismatch"),
        (
            a_coin("BTC", updated_at=NOW - timedelta(hours=7)),
            a_review("BTC"),
            an_instrument("BTC"),
            "source_price_stale",
        ),
        (
            a_coin("BTC", updated_at=NOW + timedelta(hours=1)),
            a_review("BTC"),
            an_instrument("BTC"),
            "source_price_stale",
        ),
    ],
)
def test_every_refusal_has_its_reason(
    coin: SourceCoin, reviewed: ReviewedCoin | None, listed: Instrument | None, reason: str
) -> None:
    assert verdict_of(coin, reviewed=reviewed, listed=listed) == reason


@pytest.mark.parametrize("how", list(How))
@pytest.mark.parametrize(
    ("base", "listed"),
    [("OLD", an_instrument("OLD")), ("OLD", None), ("", None), ("OLD", an_instrument("NEW"))],
    ids=["still trading", "gone", "no pair reviewed", "only the new one trades"],
)
def test_a_coin_that_goes_by_another_name_is_out_and_says_so(how: How, base: str, listed: Instrument | None) -> None:
    renames = {"OLD": Rename(old="OLD", new="NEW", how=how)}
    verdict = verdict_of(a_coin("OLD"), reviewed=a_review("OLD", base=base), listed=listed, renames=renames)
    assert verdict == f"{how}:NEW"


def test_the_successor_needs_its_own_review_and_another_coin_of_the_old_ticker_is_not_meant() -> None:
    renames = {"OLD": Rename(old="OLD", new="NEW", how=How.RENAMED)}
    new = an_instrument("NEW")
    assert verdict_of(a_coin("NEW"), reviewed=None, listed=new, renames=renames) == "not_in_table"
    assert verdict_of(a_coin("NEW"), reviewed=a_review("NEW"), listed=new, renames=renames) == "candidate"
    namesake = a_coin("OLD", source_id="other-old")
    assert verdict_of(namesake, reviewed=None, listed=an_instrument("OLD"), renames=renames) == "not_in_table"


@pytest.mark.parametrize(
    ("price", "proved"),
    [("10", True), ("9.5", True), ("9.49", False), ("11.55", True), ("11.56", False), ("0.01", False), ("1000", False)],
)
def test_the_sources_price_must_lie_within_five_per_cent_of_the_venues_candle(price: str, proved: bool) -> None:
    candidate = Candidate(coin=a_coin("BTC", price=price), instrument=an_instrument("BTC"), rank=1)
    verdict = prove(candidate, Candle(start=NOW, low=Decimal(10), high=Decimal(11)))
    assert isinstance(verdict, Candidate) is proved
    if not isinstance(verdict, Candidate):
        assert verdict.reason == "identity_mismatch"


def test_a_coin_without_a_candle_is_not_taken() -> None:
    candidate = Candidate(coin=a_coin("BTC"), instrument=an_instrument("BTC"), rank=1)
    verdict = prove(candidate, None)
    assert not isinstance(verdict, Candidate)
    assert verdict.reason == "identity_unproved"


def test_an_index_takes_the_largest_and_names_those_it_passed_over() -> None:
    rules = IndexRules(index_id="top-2", name="Top 2", description="", size=2, weight_cap=Decimal("0.6"))
    listing = SourceList(
        coins=(a_coin("ETH", cap="400"), a_coin("DAI", cap="500"), a_coin("BTC", cap="900"), a_coin("ADA", cap="50")),
        broken=(BrokenRow(source_id="xrp", symbol="XRP", place=3, why="market_cap"),),
        at=NOW,
    )
    table = {
        name.lower(): a_review(name, excluded_as="stablecoins" if name == "DAI" else "")
        for name in ("BTC", "ETH", "DAI", "ADA", "XRP")
    }
    instruments = {f"{name}USDT": an_instrument(name) for name in ("BTC", "ETH", "DAI", "ADA", "XRP")}
    made = compose(rules, screen(listing, table=table, instruments=instruments, now=NOW), as_of=NOW)
    assert [(item.symbol, item.weight) for item in made.constituents] == [
        ("BTCUSDT", Decimal("0.6")),
        ("ETHUSDT", Decimal("0.4")),
    ]
    assert {item.source_id: item.reason for item in made.exclusions} == {
        "dai": "category:stablecoins",
        "xrp": "source_row_invalid",
    }


def test_an_index_with_too_few_coins_is_not_made() -> None:
    with pytest.raises(TooFewConstituents):
        compose(BUILT_IN[0], [], as_of=NOW)


@settings(deadline=None)
@given(
    rules=st.sampled_from(BUILT_IN),
    caps=st.lists(st.decimals("0.01", "10e12", places=2), min_size=50, max_size=60),
)
def test_weights_of_any_market_sum_to_exactly_one_and_stay_under_the_cap(
    rules: IndexRules, caps: list[Decimal]
) -> None:
    verdicts = [
        Candidate(
            coin=a_coin(f"C{place}", market_cap=cap, volume=Decimal(10**9)),
            instrument=an_instrument(f"C{place}"),
            rank=place,
            known_since=date(2020, 1, 1),
        )
        for place, cap in enumerate(caps, start=1)
    ]
    made = compose(rules, verdicts, as_of=NOW)
    weights = [item.weight for item in made.constituents]
    assert len(weights) == rules.size
    assert sum(weights) == 1
    assert all(0 <= weight <= rules.weight_cap for weight in weights)
