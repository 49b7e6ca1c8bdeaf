"""A year of simulated market in virtual time: trading, prices and reconciliation in one process, beside the venue's books."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Coroutine
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from kit.town import Town
from kit.town_ledger_returns import returns_of
from kit.town_truth import books_equal_the_venue, nobody_sold_what_was_not_theirs
from kit.town_virtual_loop import VirtualLoop
from kit.town_year import ITSELF, THIN, THIN_FROM, Year

from execution.domain.position import RunKind
from execution.domain.shortage import ShortageAnswer
from shared.contracts.topology import StreamSpec
from shared.runtime.logging import configure_logging
from shared.trading.status import PositionStatus

D = Decimal
DAYS = 365
EXACT = D("1e-15")
"""Both computations carry more digits than the eighteen that are shown."""
SOLVED = D("1e-12")
"""By two ways of solving."""
CLOSE = D("1e-6")
"""Seconds of a year are all that is not known of when money crossed a border."""
LETTER_MAX = StreamSpec(name="any").max_msg_size


@pytest.fixture(scope="module", autouse=True)
def _few_words() -> None:
    configure_logging("town", level="CRITICAL", json=True)


def lived(story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story)


async def a_year(seed: int) -> None:
    """Told once; the books are compared on every day of it, and everything else at its end."""
    async with Town(seed=seed).open() as town:
        year = Year(town, random.Random(seed))
        await year.begin()
        await year.live_through(DAYS)
        assert year.reconciliations == DAYS
        assert town.bus.buried == []
        assert town.bus.largest < LETTER_MAX, town.bus.largest_subject
        much_happened(year)
        what_nobody_offered_was_bought_later(year)
        one_rebalanced_itself(year)
        nobody_was_sold_short(year)
        await results_are_true(year)


def much_happened(year: Year) -> None:
    """A quiet year would prove little."""
    assert set(year.runs) == {"buy", "invest", "rebalance", "withdraw", "close"}
    assert year.runs["rebalance"] >= 5
    assert year.shortages_answered == 3
    assert year.town.mishaps.lost >= 3, "some replies were lost on their way"
    assert {refusal.code for refusal in year.refused} <= {"position_busy"}, year.refused
    assert len(year.refused) <= 5
    assert year.town.position(year.positions["largest"]).status is PositionStatus.CLOSED
    incidents = [subject for subject in year.town.bus.subjects if "incident_raised" in subject]
    assert incidents == []


def what_nobody_offered_was_bought_later(year: Year) -> None:
    """A basket bought while a book was empty lacked that coin; with the book full again a rebalance bought it."""
    position_id = year.positions["again"]
    assert [day for day, name, _ in year.left_out if name == "again"] == [THIN_FROM + 1, THIN_FROM + 6]
    assert (THIN_FROM + 6, "again", "illiquid") in year.left_out
    fills = year.town.books_house.everything("fills")
    bought = [fill.at for fill in fills if (fill.position_id, fill.symbol) == (position_id, THIN)]
    assert bought, "it was bought in the end"
    assert year.deep_again is not None
    assert min(bought) > year.deep_again


def one_rebalanced_itself(year: Year) -> None:
    """One position's owner never orders a rebalance: each is decided, told and ordered by us, and not too often."""
    [days] = year.by_itself.values()
    assert len(days) >= 3, days
    assert all(later - earlier >= ITSELF.cooldown.days for earlier, later in itertools.pairwise(days)), days
    told = [subject for subject in year.town.bus.subjects if "rebalance_started" in subject]
    assert len(told) == len(days)
    assert not set(days) & set(range(261, 266)), "nothing trades by itself while coins are missing"


def nobody_was_sold_short(year: Year) -> None:
    """Not one sale of coins that the position had not bought."""
    sales = [nobody_sold_what_was_not_theirs(year.town, customer) for customer in year.customers.values()]
    assert all(sales)


async def results_are_true(year: Year) -> None:
    """What the reconciler answers, and the same from the venue's ledger by other means."""
    town, now = year.town, year.town.clock.now()
    for position_id in year.positions.values():
        customer = year.owners[position_id]
        told = await town.reconciler.results.position(
            user_id=customer.account.user_id, position_id=position_id, since=None
        )
        mine = returns_of(town, customer, position_id, year.gone, at=now)
        assert (told.totals.paid_in, told.totals.value) == (mine.paid_in, mine.value)
        assert abs(told.totals.taken_out - mine.taken_out) < EXACT
        assert told.returns.time_weighted is not None
        assert told.returns.money_weighted is not None
        assert told.returns.until is not None
        assert abs(told.returns.time_weighted - mine.time_weighted) < EXACT
        lowest, highest = mine.money_weighted(told.returns.until)
        assert lowest - SOLVED <= told.returns.money_weighted <= highest + SOLVED
        assert highest - lowest < CLOSE
        if town.position(position_id).status is not PositionStatus.CLOSED:
            assert now - told.returns.until < timedelta(minutes=1)


@pytest.mark.timeout(400)
def test_a_year_in_virtual_time_ends_with_equal_books_and_true_returns() -> None:
    lived(a_year(seed=1))


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_other_years_end_as_well(seed: int) -> None:
    lived(a_year(seed))


def test_an_account_whose_positions_are_long_over_is_still_compared_and_buries_nothing() -> None:
    async def story() -> None:
        async with Town(seed=5).open() as town:
            year = Year(town, random.Random(5))
            year.customers["ben"] = town.customer({"USDT": D(3_000)})
            await year.buy("ben", "only", "top-5", "500")
            await year.close("only")
            await town.live(3 * 86_400, step_s=7_200)
            town.deposit(year.customers["ben"], "BTC", D("0.01"))
            await town.reconcile()
            flows = [flow.asset for flow in town.books_house.everything("account_flows")]
            assert flows == ["USDT", "BTC"], "what opened the account, a minute before the first match, and the deposit"
            assert town.bus.buried == []

    lived(story())


def test_a_coin_that_left_whole_counts_at_its_price_not_at_its_cost() -> None:
    async def story() -> None:
        async with Town(seed=6).open() as town:
            year = Year(town, random.Random(6))
            year.customers["anna"] = town.customer({"USDT": D(3_000)})
            await year.buy("anna", "only", "top-5", "500")
            town.venue.market.set_price("XRPUSDT", 2 * town.venue.market.walk.mid("XRPUSDT"))
            await town.reconciler.revalue.run_once()
            year.leave("anna", "XRP", D(1))
            await town.reconcile()
            await town.reconcile()
            await year.answer("anna", "XRP", ShortageAnswer.WITHDRAWN)
            await town.bus.quiet()
            told = await town.reconciler.results.position(
                user_id=year.customers["anna"].account.user_id, position_id=year.positions["only"], since=None
            )
            [gone] = told.kept.moved
            assert gone.asset == "XRP"
            assert gone.value > D("1.9") * gone.cost

    lived(story())


def test_a_positions_own_cash_that_its_owner_withdrew_is_seen_asked_about_and_taken_out() -> None:
    async def story() -> None:
        async with Town(seed=7).open() as town:
            year = Year(town, random.Random(7))
            ben = year.customers["ben"] = town.customer({"USDT": D(3_000)})
            await year.buy("ben", "only", "top-5", "500")
            town.venue.market.set_price("XRPUSDT", 2 * town.venue.market.walk.mid("XRPUSDT"))
            await town.live(60, step_s=30)
            await year.run("only", RunKind.REBALANCE)
            position_id = year.positions["only"]
            cash = town.position(position_id).cash
            assert cash > 0, "what lots left of the sale"
            town.withdraw(ben, "USDT", town.venue.balances(ben.uid)["USDT"])
            await town.live(60, step_s=30)
            await town.reconcile()
            await town.reconcile()
            assert town.position(position_id).trading_paused == "shortage:USDT"
            _, shares = await town.execution.resolve_shortage.execute(
                user_id=ben.account.user_id,
                account_id=ben.account.account_id,
                asset="USDT",
                how=ShortageAnswer.WITHDRAWN,
            )
            assert shares == {position_id: cash}
            await town.bus.quiet()
            await town.reconcile()
            await town.reconcile()
            position = town.position(position_id)
            assert (position.cash, position.trading_paused) == (D(0), None)
            books_equal_the_venue(town, ben)
            told = await town.reconciler.results.position(
                user_id=ben.account.user_id, position_id=position_id, since=None
            )
            assert told.totals.taken_out == cash
            assert told.kept.flows[-1].kind == "withdraw"

    lived(story())
