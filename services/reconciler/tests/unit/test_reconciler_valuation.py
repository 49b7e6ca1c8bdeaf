from __future__ import annotations

from datetime import timedelta
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.domain.announcements import DeviationTold, JobTold, PnlTold, ReturnTold, TickTold
from reconciler.domain.books import Account
from reconciler.domain.slots import derived_id, slot_of
from reconciler.domain.valuation import Mark, Source, value_position
from reconciler.outbound.messages import message_of
from shared.contracts.portfolio import PnlUpdated
from shared.trading.holding import Holding
from shared.trading.money import EXACT
from shared.trading.status import PositionStatus


def marked(**prices: str) -> dict[str, Mark]:
    return {f"{asset}USDT": Mark(price=Decimal(price), stale=False) for asset, price in prices.items()}


def test_golden_a_round_trip_realises_its_fees(make: Any) -> None:
    held = Holding().bought(quantity=Decimal(1), paid=Decimal(100), base_fee=Decimal("0.001"))
    after = held.sold(quantity=Decimal("0.999"), proceeds=Decimal("99.9"), quote_fee=Decimal("0.0999"))
    coin = make.coin(quantity=str(after.quantity), cost=str(after.cost), realised=str(after.realised))
    valuation = value_position(make.book(coin), {}, make.NOW)
    assert valuation is not None
    assert (valuation.realised, valuation.pnl, valuation.value) == (Decimal("-0.1999"), Decimal("-0.1999"), Decimal(0))


def test_golden_value_drift_and_turnover_of_two_coins(make: Any) -> None:
    book = make.book(
        make.coin("BTC", quantity="0.001", cost="60", realised="1.5", target_weight="0.6"),
        make.coin("ETH", quantity="0.01", cost="40", target_weight="0.4"),
    )
    valuation = value_position(book, marked(BTC="70000", ETH="3000"), make.NOW)
    assert valuation is not None
    assert (valuation.value, valuation.cost, valuation.unrealised) == (Decimal(100), Decimal(100), Decimal(0))
    assert (valuation.realised, valuation.pnl, valuation.fees) == (Decimal("1.5"), Decimal("1.5"), Decimal("0.1"))
    assert [coin.weight for coin in valuation.coins] == [Decimal("0.7"), Decimal("0.3")]
    assert [coin.drift for coin in valuation.coins] == [Decimal("0.1"), Decimal("-0.1")]
    assert (valuation.max_abs_drift, valuation.turnover) == (Decimal("0.1"), Decimal("0.1"))


def test_a_coin_without_any_price_leaves_the_position_unvalued(make: Any) -> None:
    book = make.book(make.coin("BTC"), make.coin("ETH"))
    assert value_position(book, marked(BTC="1"), make.NOW) is None


def test_a_missing_leg_drifts_by_its_whole_target(make: Any) -> None:
    book = make.book(
        make.coin("BTC", target_weight="0.9"), make.coin("ETH", quantity="0", cost="0", target_weight="0.1")
    )
    valuation = value_position(book, marked(BTC="10"), make.NOW)
    assert valuation is not None
    assert [coin.drift for coin in valuation.coins] == [Decimal("0.1"), Decimal("-0.1")]


amounts = st.decimals(min_value="0.00000001", max_value="1000000", places=8, allow_nan=False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(amounts, amounts, amounts), min_size=1, max_size=12))
def test_a_pnl_event_can_be_recomputed_from_itself_to_the_last_digit(
    make: Any, rows: list[tuple[Decimal, ...]]
) -> None:
    coins = [
        make.coin(f"C{number}", quantity=str(quantity), cost=str(cost), target_weight="0.1")
        for number, (quantity, cost, _) in enumerate(rows)
    ]
    marks = {f"C{number}USDT": Mark(price=price, stale=False) for number, (_, _, price) in enumerate(rows)}
    valuation = value_position(make.book(*coins), marks, make.NOW)
    assert valuation is not None
    told = PnlTold(
        book=make.book(*coins), valuation=valuation, source=Source.REVALUATION, reconciled_at=None, version=1
    )
    event = PnlUpdated.model_validate_json(message_of(told).data.model_dump_json())
    with localcontext(EXACT):  # sums of large and small amounts need more digits than the default context has
        assert event.value == sum(row.quantity * row.mark for row in event.holdings)
        assert event.cost == sum(row.cost for row in event.holdings)
        assert event.pnl == event.realised + event.value - event.cost
        assert event.turnover == sum(abs(row.drift) for row in event.holdings) / 2


async def test_the_first_pnl_comes_with_the_position_event(bench: Any, make: Any) -> None:
    message = uuid4()
    await bench.refreshing.refresh(make.ACCOUNT, make.POSITION, consumer="c", message_id=message)
    assert [told.valuation.value for told in bench.pnl_told()] == [Decimal(110)]
    await bench.refreshing.refresh(make.ACCOUNT, make.POSITION, consumer="c", message_id=message)
    assert len(bench.pnl_told()) == 1


async def test_only_a_changed_value_is_told_again(bench: Any, make: Any) -> None:
    await bench.refreshing.refresh(make.ACCOUNT, make.POSITION, consumer="c", message_id=uuid4())
    assert await bench.revaluing.run_once() == 0
    bench.price(BTC="111")
    assert await bench.revaluing.run_once() == 1
    assert await bench.revaluing.run_once() == 0
    told = bench.pnl_told()
    assert [entry.valuation.value for entry in told] == [Decimal(110), Decimal(111)]
    assert [entry.source for entry in told] == [Source.REVALUATION, Source.REVALUATION]


async def test_versions_of_a_position_count_without_a_gap(bench: Any, make: Any) -> None:
    for price in ("110", "120", "90"):
        bench.price(BTC=price)
        await bench.reconcile()
        await bench.revaluing.run_once()
    versions = [told.version for told in bench.store.told if hasattr(told, "version")]
    assert all(after - before == 1 for before, after in pairwise(versions))


async def test_an_old_quote_is_marked_stale_and_decides_no_deviation(bench: Any, make: Any) -> None:
    bench.clock.advance(60)
    bench.sources.book = make.books(make.book(make.coin(target_weight="0.5")))
    await bench.reconcile()
    assert bench.pnl_told()[-1].valuation.coins[0].mark.stale
    assert not any(isinstance(told, DeviationTold) for told in bench.store.told)


async def test_a_delisted_coin_keeps_its_last_price_and_is_never_a_fake_loss(bench: Any, make: Any) -> None:
    bench.sources.book = make.books(make.book(make.coin(), make.coin("ETH")))
    bench.sources.view = make.view({"BTC": "1", "ETH": "1"})
    bench.price(BTC="110", ETH="50")
    await bench.reconcile()
    bench.price(BTC="120")
    assert await bench.revaluing.run_once() == 1
    told = bench.pnl_told()[-1].valuation
    assert [(one.coin.asset, one.mark.price, one.mark.stale) for one in told.coins] == [
        ("BTC", Decimal(120), False),
        ("ETH", Decimal(50), True),
    ]
    assert told.value == Decimal(170)


async def test_what_is_told_carries_the_positions_own_cash(bench: Any, make: Any) -> None:
    bench.sources.book = make.books(make.book(cash=Decimal("2.5")))
    await bench.reconcile()
    told = message_of(bench.pnl_told()[-1]).data
    assert isinstance(told, PnlUpdated)
    assert (told.value, told.cash) == (Decimal(110), Decimal("2.5"))


async def test_deviation_has_a_hysteresis_that_survives_the_process(bench: Any, make: Any) -> None:
    bench.sources.book = make.books(
        make.book(
            make.coin("BTC", quantity="1", target_weight="0.5"), make.coin("ETH", quantity="1", target_weight="0.5")
        )
    )
    bench.sources.view = make.view({"BTC": "1", "ETH": "1"})
    seen = []
    for btc in ("109", "111", "123", "119", "118", "117.4", "117", "123"):
        bench.price(BTC=btc, ETH="100")
        before = len(bench.store.told)
        await bench.reconcile()
        kinds = [type(told) for told in bench.store.told[before:]]
        seen.append("out" if DeviationTold in kinds else "back" if ReturnTold in kinds else "")
    # |drift| is (btc - 100) / (2 (btc + 100)): five points at 122.2, four points (80 %) at 117.39.
    assert seen == ["", "", "out", "", "", "", "back", "out"]


@pytest.mark.parametrize("overtaken", ["reconcile", "revalue"])
async def test_prices_that_were_overtaken_decide_nothing(bench: Any, make: Any, overtaken: str) -> None:
    coins = [make.coin(asset, quantity="1", target_weight="0.5") for asset in ("BTC", "ETH")]
    bench.sources.book = make.books(make.book(*coins))
    bench.sources.view = make.view({"BTC": "1", "ETH": "1"})
    bench.price(BTC="100", ETH="100")
    await bench.reconcile()
    await bench.revaluing.run_once()

    async def the_price_doubles() -> None:
        bench.clock.advance(1)
        bench.price(BTC="200", ETH="100")
        await bench.revaluing.run_once()

    bench.sources.meanwhile = the_price_doubles
    await (bench.reconcile() if overtaken == "reconcile" else bench.revaluing.run_once())
    bench.clock.advance(1)
    bench.price(BTC="200", ETH="100")
    await bench.revaluing.run_once()
    assert [type(told) for told in bench.store.told if isinstance(told, (DeviationTold, ReturnTold))] == [DeviationTold]
    assert bench.pnl_told()[-1].valuation.value == Decimal(300)


async def test_a_small_target_deviates_by_a_quarter_of_itself(bench: Any, make: Any) -> None:
    bench.sources.book = make.books(
        make.book(
            make.coin("BTC", quantity="9", target_weight="0.9"), make.coin("ETH", quantity="1", target_weight="0.1")
        )
    )
    bench.sources.view = make.view({"BTC": "9", "ETH": "1"})
    bench.price(BTC="100", ETH="130")
    await bench.reconcile()
    deviations = [told for told in bench.store.told if isinstance(told, DeviationTold)]
    assert [[coin.coin.asset for coin in told.coins] for told in deviations] == [["ETH"]]


async def test_points_are_kept_every_five_minutes_and_proved_ones_win(bench: Any, make: Any) -> None:
    await bench.reconcile()
    for step in range(10):
        bench.clock.advance(59)
        bench.price(BTC=str(200 + step))
        await bench.revaluing.run_once()
    assert len(bench.store.points) == 2
    await bench.reconcile()
    assert [point.value for point in bench.store.points.values()][-1] == Decimal(209)


async def test_an_older_book_never_replaces_a_newer_one(bench: Any, make: Any) -> None:
    await bench.store.save_book(make.book(make.coin(quantity="2")))
    await bench.store.save_book(make.book(make.coin(quantity="1"), traded_at=make.OLD - timedelta(seconds=1)))
    assert bench.store.positions[make.POSITION].book.coins[0].quantity == Decimal(2)


async def test_a_closed_position_tells_its_last_figures_once(bench: Any, make: Any) -> None:
    await bench.reconcile()
    sold = make.coin(quantity="0", cost="0", realised="9")
    bench.sources.book = make.books(make.book(sold, status=PositionStatus.CLOSED))
    bench.sources.view = make.view({})
    await bench.refreshing.refresh(make.ACCOUNT, make.POSITION, consumer="c", message_id=uuid4(), closed=True)
    last = bench.pnl_told()[-1].valuation
    assert (last.value, last.pnl, last.max_abs_drift) == (Decimal(0), Decimal(9), Decimal(0))
    told = len(bench.pnl_told())
    await bench.reconcile()
    await bench.revaluing.run_once()
    assert len(bench.pnl_told()) == told


async def test_a_tick_is_one_message_and_one_job_per_account(bench: Any, make: Any) -> None:
    bench.sources.known_accounts = [
        Account(user_id=make.ACCOUNT.user_id, account_id=derived_id(number), environment=make.ACCOUNT.environment)
        for number in range(450)
    ]
    bench.sources.known_accounts.sort(key=lambda account: account.account_id)
    announce = bench.announce()
    await announce.tick()
    bench.clock.advance(299)
    await announce.tick()
    ticks = {told.event_id for told in bench.store.told if isinstance(told, TickTold)}
    assert len(ticks) == 1
    assert await announce.hand_out(announce.slot()) == 450
    assert await announce.hand_out(announce.slot()) == 450
    jobs = [told.event_id for told in bench.store.told if isinstance(told, JobTold)]
    assert (len(jobs), len(set(jobs))) == (900, 450)


def test_slots_are_those_of_the_wall_clock(make: Any) -> None:
    moment = make.NOW + timedelta(minutes=7, seconds=3)
    assert slot_of(moment, length_s=300) == make.NOW + timedelta(minutes=5)


async def test_a_new_book_replaces_the_old_one_with_all_its_coins(bench: Any, make: Any) -> None:
    await bench.reconcile()
    newer = make.book(make.coin("ETH", quantity="2"), traded_at=make.OLD + timedelta(seconds=1))
    bench.sources.book, bench.sources.view = make.books(newer), make.view({"ETH": "2"})
    bench.price(ETH="3")
    await bench.reconcile()
    assert [coin.coin.asset for coin in bench.pnl_told()[-1].valuation.coins] == ["ETH"]
    assert bench.pnl_told()[-1].valuation.value == Decimal(6)
