"""A coin without a fresh price keeps nobody from judging the others, where its price cannot change what is said."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.domain.announcements import DeviationTold, ReturnTold
from reconciler.domain.deviation import Band
from reconciler.domain.valuation import Mark, Valuation, value_position
from shared.trading.doubt import DOUBT

D = Decimal
BAND = Band()


def valued(make: Any, coins: dict[str, tuple[str, str]], *, stale: str = "") -> Valuation:
    """Coins by name with their value and target, of which some have no fresh price."""
    book = make.book(
        *(make.coin(name, quantity=value, target_weight=target) for name, (value, target) in coins.items())
    )
    marks = {f"{name}USDT": Mark(price=D(1), stale=name in stale.split()) for name in coins}
    found = value_position(book, marks, make.NOW)
    assert found is not None
    return found


def outside(valuation: Valuation) -> list[str]:
    return [one.coin.asset for one in BAND.outside(valuation)]


def test_golden_what_is_outside_whatever_a_halted_coin_is_worth_is_said(make: Any) -> None:
    """XRP may be worth 0 to 20: of 100 to 120, BTC at 66 has 55 % at least and 66 % at most, ETH 20 to 24 %."""
    coins = {"BTC": ("66", "0.5"), "ETH": ("24", "0.4"), "XRP": ("10", "0.1")}
    assert outside(valued(make, coins)) == ["BTC", "ETH"]
    assert outside(valued(make, coins, stale="XRP")) == ["BTC", "ETH"]


def test_golden_what_hangs_on_its_price_is_not(make: Any) -> None:
    """BTC has 56 of 90 to 110: 50.9 % at least, which is inside; ETH has at most 37.8 % of its 40."""
    coins = {"BTC": ("56", "0.5"), "ETH": ("34", "0.4"), "XRP": ("10", "0.1")}
    assert outside(valued(make, coins)) == ["BTC", "ETH"]
    assert outside(valued(make, coins, stale="XRP")) == []


def test_nothing_is_known_while_every_price_is_old(make: Any) -> None:
    coins = {"BTC": ("90", "0.5"), "ETH": ("10", "0.5")}
    found = valued(make, coins, stale="BTC ETH")
    assert (outside(found), BAND.back(found)) == ([], False)


def test_a_rest_of_a_coin_that_left_the_index_does_not_keep_a_position_from_being_back(make: Any) -> None:
    """Delisted, worth 1 of 100 last: at most 2 of 101, and BTC and ETH are inside in any case."""
    coins = {"BTC": ("49.5", "0.5"), "ETH": ("49.5", "0.5"), "OLD": ("1", "0")}
    assert BAND.back(valued(make, coins, stale="OLD"))
    assert not BAND.back(valued(make, coins | {"OLD": ("3", "0")}, stale="OLD"))
    kept = {"BTC": ("49.5", "0.49"), "ETH": ("49.5", "0.5"), "OLD": ("1", "0.01")}
    assert BAND.back(valued(make, kept))
    assert not BAND.back(valued(make, kept, stale="OLD")), "it may be worth nothing, which is outside"


def test_a_position_that_holds_nothing_has_not_drifted(make: Any) -> None:
    found = valued(make, {"BTC": ("0", "0.5"), "ETH": ("0", "0.5")})
    assert (outside(found), BAND.back(found)) == ([], True)


VALUES = st.integers(0, 100).map(str)
COINS = st.lists(st.tuples(VALUES, st.integers(0, 20)), min_size=2, max_size=5)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=COINS, old=st.sets(st.integers(0, 4), min_size=1, max_size=2), share=st.integers(0, 8))
def test_what_is_said_in_doubt_holds_at_every_price(
    make: Any, rows: list[tuple[str, int]], old: set[int], share: int
) -> None:
    total = sum(target for _, target in rows) or 1
    coins = {f"C{number}": (value, str(D(target) / total)) for number, (value, target) in enumerate(rows)}
    names = [f"C{number}" for number in old if number < len(rows)]
    doubted = valued(make, coins, stale=" ".join(names))
    factor = DOUBT * share / 8
    then = valued(make, {name: (str(D(v) * factor) if name in names else v, t) for name, (v, t) in coins.items()})
    if then.value:
        assert set(outside(doubted)) <= set(outside(then))
        assert BAND.back(then) or not BAND.back(doubted)


async def test_a_halted_coin_does_not_silence_the_others(bench: Any, make: Any) -> None:
    """Nobody quotes XRP any more; BTC doubles, and it is told; when BTC is back, nobody can say that all is well."""
    coins = (("BTC", "4.5", "0.45"), ("ETH", "4.5", "0.45"), ("XRP", "1", "0.1"))
    book = make.book(*(make.coin(name, quantity=held, target_weight=target) for name, held, target in coins))
    bench.sources.book = make.books(book)
    bench.sources.view = make.view({name: held for name, held, _ in coins})
    bench.price(BTC="100", ETH="100", XRP="100")
    await bench.reconcile()
    for btc in ("200", "100"):
        bench.clock.advance(2)
        bench.price(BTC=btc, ETH="100")
        await bench.revaluing.run_once()
    told = [one for one in bench.store.told if isinstance(one, (DeviationTold, ReturnTold))]
    assert [type(one) for one in told] == [DeviationTold]
    assert isinstance(told[0], DeviationTold)
    assert [one.coin.asset for one in told[0].coins] == ["BTC", "ETH"]
    bench.clock.advance(2)
    bench.price(BTC="100", ETH="100", XRP="100")
    await bench.revaluing.run_once()
    assert isinstance(bench.store.told[-1], ReturnTold)
