from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from reconciler.application.reconcile_account import Skipped
from reconciler.domain.books import OpenOrder
from reconciler.domain.findings import Comparison, Scope
from reconciler.domain.venue import NoView
from shared.trading.errors import Throttled, Unavailable
from shared.trading.status import BreakClass, Side

STRANGER = UUID("00000000-0000-4000-8000-0000000000bb")


def waiting(make: Any, link: str, since: Any = None) -> OpenOrder:
    return OpenOrder(
        client_order_id=link,
        position_id=make.POSITION,
        symbol="BTCUSDT",
        state="ACKED",
        since=since or make.OLD,
    )


async def test_equal_books_are_proved_and_nothing_is_told(bench: Any, make: Any) -> None:
    bench.sources.view = make.view({"BTC": "1.5", "USDT": "7"}, executions=(make.execution("e1"),))
    bench.sources.booked = {"e1"}
    comparison = await bench.reconcile()
    assert comparison.findings == ()
    assert comparison.proved
    assert bench.breaks_told() == []
    assert bench.pnl_told()[-1].reconciled_at == make.NOW


async def test_d1_a_match_that_our_books_lack_is_handed_over_until_it_is_booked(bench: Any, make: Any) -> None:
    bench.sources.view = make.view(executions=(make.execution("e1"),))
    await bench.reconcile()
    assert bench.breaks_told() == [("D1", "e1", "open")]
    assert bench.handovers()[0].handover.exec_ids == ("e1",)
    assert bench.handovers()[0].handover.client_order_ids == (make.link(),)

    bench.clock.advance(3600)
    await bench.reconcile()
    assert bench.breaks_told() == [("D1", "e1", "open")]
    assert len(bench.handovers()) == 2
    assert bench.handovers()[0].event_id != bench.handovers()[1].event_id

    bench.sources.booked = {"e1"}
    await bench.reconcile()
    assert bench.breaks_told()[-1] == ("D1", "e1", "resolved")


async def test_a_missing_match_is_read_again_however_old_it_grows(bench: Any, make: Any) -> None:
    bench.sources.view = make.view(executions=(make.execution("e1"),))
    await bench.reconcile()
    bench.clock.advance(7200)
    await bench.reconcile()
    assert bench.sources.since[1] <= (make.OLD.timestamp() * 1000)


async def test_while_a_match_is_missing_balances_accuse_nobody(bench: Any, make: Any) -> None:
    bench.sources.view = make.view({"BTC": "0.2"}, executions=(make.execution("e1", side=Side.SELL),))
    comparison = await bench.reconcile()
    assert [finding.break_class for finding in comparison.findings] == [BreakClass.D1]
    assert Scope.BALANCES not in comparison.looked_at
    assert not comparison.proved


async def test_d2_a_match_of_ours_without_any_position_is_handed_over(bench: Any, make: Any) -> None:
    link = make.link(STRANGER)
    bench.sources.view = make.view(executions=(make.execution("e9", client_order_id=link),))
    await bench.reconcile()
    assert bench.breaks_told() == [("D2", "e9", "open")]
    assert bench.handovers()[0].handover.client_order_ids == (link,)


async def test_d2_an_open_order_of_ours_without_row(bench: Any, make: Any) -> None:
    bench.sources.view = make.view(open_orders=(make.order(make.link(leg=3)), make.order("my-own-order")))
    await bench.reconcile()
    assert bench.breaks_told() == [("D2", make.link(leg=3), "open")]
    bench.sources.view = make.view()
    await bench.reconcile()
    assert bench.breaks_told()[-1] == ("D2", make.link(leg=3), "resolved")


async def test_d3_an_order_that_ended_at_the_venue_while_we_wait(bench: Any, make: Any) -> None:
    link = make.link(leg=1)
    bench.sources.book = make.books(open_orders=[waiting(make, link)])
    bench.sources.view = make.view(looked_up=(make.order(link, status="Filled", final=True),))
    await bench.reconcile()
    assert bench.breaks_told() == [("D3", link, "open")]
    assert bench.handovers()[0].handover.break_class is BreakClass.D3


async def test_an_order_that_the_venue_does_not_show_is_left_to_those_who_trade(bench: Any, make: Any) -> None:
    bench.sources.book = make.books(open_orders=[waiting(make, make.link(leg=1))])
    assert (await bench.reconcile()).findings == ()


async def test_an_order_that_waits_for_a_person_hides_its_own_coin_alone(bench: Any, make: Any) -> None:
    book = make.book(make.coin("BTC"), make.coin("ETH"))
    bench.sources.view = make.view({"BTC": "0.5", "ETH": "1"})
    bench.sources.book = make.books(book)
    await bench.reconcile()
    assert bench.breaks_told() == [("D10", "balance:BTC", "open")]
    stuck = waiting(make, make.link(leg=1), make.NOW - timedelta(minutes=11))
    bench.sources.book = make.books(book, open_orders=[replace(stuck, state="NEEDS_ATTENTION")])
    bench.sources.view = make.view({"BTC": "1", "ETH": "0.4"})
    comparison = await bench.reconcile()
    assert [finding.subject for finding in comparison.findings] == ["balance:ETH"]
    assert not comparison.proved
    assert ("D10", "balance:BTC", "resolved") not in bench.breaks_told()


async def test_an_order_that_only_now_needs_a_person_is_waited_for(bench: Any, make: Any) -> None:
    young = waiting(make, make.link(leg=1), make.NOW - timedelta(minutes=9))
    bench.sources.book = make.books(open_orders=[replace(young, state="NEEDS_ATTENTION")])
    bench.sources.view = make.view({"BTC": "0.5"})
    assert (await bench.reconcile()).findings == ()


@pytest.mark.parametrize("age_s", [0, 9])
async def test_what_was_active_in_the_last_ten_seconds_is_skipped(bench: Any, make: Any, age_s: int) -> None:
    young, link = make.NOW - timedelta(seconds=age_s), make.link(leg=2)
    bench.sources.book = make.books(open_orders=[waiting(make, link, young)])
    bench.sources.view = make.view(
        {"BTC": "0"},
        executions=(make.execution("e1", at=young),),
        open_orders=(make.order(make.link(leg=3), at=young),),
        looked_up=(make.order(link, status="Filled", final=True, at=young),),
    )
    assert (await bench.reconcile()).findings == ()


async def test_d4_a_manual_trade_is_noted_once_and_harms_nobody(bench: Any, make: Any) -> None:
    own = make.execution("u1", client_order_id="", side=Side.SELL, quantity=Decimal("0.5"))
    bench.sources.view = make.view({"BTC": "1"}, executions=(own,))
    await bench.reconcile()
    await bench.reconcile()
    assert bench.breaks_told() == [("D4", "u1", "expected")]


async def test_d4_a_manual_sale_of_what_a_position_holds_is_a_shortage(bench: Any, make: Any) -> None:
    own = make.execution("u1", client_order_id="x", side=Side.SELL, quantity=Decimal("0.4"))
    bench.sources.view = make.view({"BTC": "0.6"}, executions=(own,))
    await bench.reconcile()
    assert ("D4", "balance:BTC", "open") in bench.breaks_told()
    bench.sources.view = make.view({"BTC": "0.6"})
    await bench.reconcile()
    assert len(bench.breaks_told()) == 2
    bench.sources.view = make.view({"BTC": "1"})
    await bench.reconcile()
    assert bench.breaks_told()[-1] == ("D4", "balance:BTC", "resolved")


async def test_a_look_alike_client_order_id_is_not_ours(bench: Any, make: Any) -> None:
    forged = make.link(key=b"somebody else's key")
    bench.sources.view = make.view(executions=(make.execution("e1", client_order_id=forged),))
    await bench.reconcile()
    assert bench.breaks_told() == [("D4", "e1", "expected")]
    [told] = bench.handovers()
    assert (told.handover.exec_ids, [flow.flow_id for flow in told.handover.flows]) == ((), ["trade:e1"])


async def test_trades_in_coins_that_no_position_holds_are_the_users_business(bench: Any, make: Any) -> None:
    bench.sources.view = make.view(executions=(make.execution("u1", client_order_id="", symbol="DOGEUSDT"),))
    assert (await bench.reconcile()).findings == ()


async def test_a_trade_by_hand_that_pays_with_a_held_coin_is_noted_for_that_coin(bench: Any, make: Any) -> None:
    swap = make.execution("u1", client_order_id="", symbol="ETHBTC", price=Decimal("0.05"), quantity=Decimal(2))
    bench.sources.view = make.view({"BTC": "0.9"}, executions=(swap,))
    await bench.reconcile()
    assert bench.breaks_told() == [("D4", "u1:BTC", "expected"), ("D4", "balance:BTC", "open")]


async def test_everything_that_others_did_is_handed_over_until_it_is_booked(bench: Any, make: Any) -> None:
    own = make.execution("u1", client_order_id="", symbol="DOGEUSDT")
    bench.sources.view = make.view(
        executions=(make.execution("e1"), own),
        lines=(make.line("t1", kind="INTEREST", change="0.5", asset="USDT"), make.line("t2", change="0")),
    )
    bench.sources.booked = {"e1"}
    await bench.reconcile()
    [told] = bench.handovers()
    assert [flow.flow_id for flow in told.handover.flows] == ["log:t1", "trade:u1"]
    bench.clock.advance(3600)
    await bench.reconcile()
    assert len(bench.handovers()) == 2
    assert bench.sources.since[1] <= make.OLD.timestamp() * 1000, "they are read again however old they grow"
    bench.sources.booked |= {"log:t1", "trade:u1"}
    await bench.reconcile()
    assert len(bench.handovers()) == 2


async def test_d5_a_deposit_is_noted_and_a_withdrawal_of_held_coins_is_a_shortage(bench: Any, make: Any) -> None:
    bench.sources.view = make.view(
        {"BTC": "0.5"},
        lines=(make.line("t1", kind="TRANSFER_IN", change="0.1"), make.line("t2", change="-0.6")),
    )
    await bench.reconcile()
    assert bench.breaks_told() == [
        ("D5", "t1", "expected"),
        ("D5", "t2", "expected"),
        ("D5", "balance:BTC", "open"),
    ]


async def test_d6_rounding_of_fees_is_expected(bench: Any, make: Any) -> None:
    bench.sources.view = make.view({"BTC": "0.99999999"})
    comparison = await bench.reconcile()
    assert bench.breaks_told() == [("D6", "balance:BTC", "expected")]
    assert comparison.proved


async def test_d7_dust_below_a_lot_is_expected(bench: Any, make: Any) -> None:
    bench.sources.lot = {"BTCUSDT": Decimal("0.01")}
    bench.sources.book = make.books(make.book(make.coin(quantity="0.005")))
    bench.sources.view = make.view({"BTC": "0.004"})
    await bench.reconcile()
    assert bench.breaks_told() == [
        ("D7", "balance:BTC", "expected"),
        ("D7", f"dust:{make.POSITION}:BTC", "expected"),
    ]


async def test_d10_a_shortage_that_nothing_explains_is_open(bench: Any, make: Any) -> None:
    bench.sources.view = make.view({"BTC": "0.9"})
    comparison = await bench.reconcile()
    assert bench.breaks_told() == [("D10", "balance:BTC", "open")]
    assert comparison.findings[0].difference == Decimal("-0.1")
    assert not comparison.proved


async def test_coins_beyond_the_positions_are_the_users_own(bench: Any, make: Any) -> None:
    bench.sources.view = make.view({"BTC": "5"})
    assert (await bench.reconcile()).findings == ()


async def test_a_shortage_is_handed_over_until_execution_knows_it_and_again_when_it_changes(
    bench: Any, make: Any
) -> None:
    bench.sources.view = make.view({"BTC": "0.9"})
    await bench.reconcile()
    [told] = bench.handovers()
    assert (told.handover.assets, told.handover.break_class) == (("BTC",), BreakClass.D10)
    bench.sources.book = replace(make.books(), shortages={"BTC": Decimal("0.1")})
    await bench.reconcile()
    assert len(bench.handovers()) == 1, "execution knows it"
    bench.sources.view = make.view({"BTC": "1"})
    await bench.reconcile()
    assert bench.handovers()[1].handover.assets == ("BTC",), "the coins are back"
    assert bench.breaks_told()[-1] == ("D10", "balance:BTC", "resolved")
    bench.sources.book = make.books()
    await bench.reconcile()
    assert len(bench.handovers()) == 2


async def test_what_the_venue_rounds_is_not_handed_over(bench: Any, make: Any) -> None:
    bench.sources.view = make.view({"BTC": "0.99999999"})
    await bench.reconcile()
    assert bench.handovers() == []


async def test_d9_a_conversion_and_d13_what_the_venue_forces_explain_what_is_missing(bench: Any, make: Any) -> None:
    for kind, letter in (("CURRENCY_SELL", "D9"), ("AUTO_SOLD_COLLATERAL_INS_LOAN", "D13")):
        bench.store.entries.clear()
        bench.store.told.clear()
        bench.sources.view = make.view({"BTC": "0.75"}, lines=(make.line("l1", kind=kind, change="-0.25"),))
        await bench.reconcile()
        assert bench.breaks_told() == [(letter, "l1", "expected"), (letter, "balance:BTC", "open")]
        bench.sources.view = make.view({"BTC": "1"})
        await bench.reconcile()
        assert bench.breaks_told()[-1] == (letter, "balance:BTC", "resolved")


async def test_d8_a_coin_that_the_venue_does_not_trade_marks_its_position_until_it_trades_again(
    bench: Any, make: Any
) -> None:
    for listed, why in (({"BTCUSDT": False}, "halted"), ({"ETHUSDT": True}, "list")):
        bench.store.told.clear()
        bench.sources.listed = listed
        for _ in range(2):
            comparison = await bench.reconcile()
        assert bench.breaks_told() == [("D8", f"listing:{make.POSITION}:BTC", "open")]
        assert (comparison.findings[0].position_id, why in comparison.findings[0].detail) == (make.POSITION, True)
        assert comparison.proved, "no coin is in dispute"
        bench.sources.listed = {"BTCUSDT": True}
        await bench.reconcile()
        assert bench.breaks_told()[-1] == ("D8", f"listing:{make.POSITION}:BTC", "resolved")


async def test_d8_nothing_is_concluded_while_nobody_knows_the_list(bench: Any, make: Any) -> None:
    bench.sources.listed = {"BTCUSDT": False}
    await bench.reconcile()
    bench.sources.listed = {}
    await bench.reconcile()
    assert [status for _, _, status in bench.breaks_told()] == ["open"]


async def test_d8_sold_coins_need_no_market(bench: Any, make: Any) -> None:
    bench.sources.listed = {"BTCUSDT": False}
    await bench.reconcile()
    bench.sources.book = make.books(make.book(make.coin(quantity="0")))
    await bench.reconcile()
    assert bench.breaks_told()[-1][2] == "resolved"


async def test_d9_an_airdrop_is_noted_and_harms_nobody(bench: Any, make: Any) -> None:
    bench.sources.view = make.view({"BTC": "1.5"}, lines=(make.line("l1", kind="AIRDROP", change="0.5"),))
    comparison = await bench.reconcile()
    assert bench.breaks_told() == [("D9", "l1", "expected")]
    assert comparison.proved


async def test_several_positions_share_one_balance(bench: Any, make: Any) -> None:
    twin = make.book(make.coin(quantity="2"), position_id=STRANGER)
    bench.sources.book = make.books(make.book(), twin)
    bench.sources.view = make.view({"BTC": "2.5"})
    comparison = await bench.reconcile()
    assert [finding.ours for finding in comparison.findings] == [Decimal(3)]


async def test_d11_a_blind_key_freezes_the_picture_and_is_resolved_by_sight(bench: Any, make: Any) -> None:
    bench.sources.view = make.view(executions=(make.execution("e1"),))
    await bench.reconcile()
    bench.sources.view = NoView(kind="blind", code="10003", detail="The venue refuses our key.")
    await bench.reconcile()
    assert bench.breaks_told()[1:] == [("D11", "key", "open")]
    bench.sources.view, bench.sources.booked = make.view(), {"e1"}
    await bench.reconcile()
    assert bench.breaks_told()[2:] == [("D1", "e1", "resolved"), ("D11", "key", "resolved")]


async def test_d12_a_hole_in_the_history_keeps_the_cursor(bench: Any, make: Any) -> None:
    await bench.reconcile()
    read_until = bench.store.how_far.read_until_ms
    bench.clock.advance(600)
    bench.sources.view = NoView(kind="gap", code="unreadable", detail="The history cannot be read in full.")
    await bench.reconcile()
    assert bench.breaks_told() == [("D12", "history", "open")]
    assert bench.store.how_far.read_until_ms == read_until


async def test_a_resolved_break_that_comes_back_is_opened_again(bench: Any, make: Any) -> None:
    for balance in ("0.9", "1", "0.9"):
        bench.sources.view = make.view({"BTC": balance})
        await bench.reconcile()
    assert [status for _, _, status in bench.breaks_told()] == ["open", "resolved", "open"]
    assert [entry.version for entry in bench.store.entries.values()] == [3]


async def test_a_job_delivered_twice_changes_nothing(bench: Any, make: Any) -> None:
    bench.sources.view = make.view({"BTC": "0.9"})
    job = bench.job()
    assert isinstance(await bench.reconciling.reconcile(job, consumer="c"), Comparison)
    told = len(bench.store.told)
    assert await bench.reconciling.reconcile(job, consumer="c") == Skipped(reason="done_before")
    assert len(bench.store.told) == told


async def test_a_tick_is_not_needed_when_the_account_was_compared_since(bench: Any) -> None:
    await bench.reconcile()
    assert await bench.reconcile(tick=True) == Skipped(reason="not_needed")
    bench.clock.advance(1)
    assert isinstance(await bench.reconcile(tick=True), Comparison)


async def test_after_a_trade_the_account_is_looked_at_again_when_it_has_come_to_rest(bench: Any, make: Any) -> None:
    bench.sources.book = make.books(make.book(traded_at=make.NOW - timedelta(seconds=4)))
    await bench.reconcile()
    assert bench.store.due[make.ACCOUNT.account_id] == make.NOW + timedelta(seconds=7)


@pytest.mark.parametrize("away", [Unavailable(code="venue_unavailable"), Throttled(code="venue_rate")])
async def test_while_the_venue_is_away_nobody_is_accused_and_the_account_is_due_again(
    bench: Any, make: Any, away: Exception
) -> None:
    bench.sources.away = away
    assert isinstance(await bench.reconcile(), Skipped)
    assert bench.store.told == []
    assert bench.store.due[make.ACCOUNT.account_id] == make.NOW + timedelta(seconds=20)
