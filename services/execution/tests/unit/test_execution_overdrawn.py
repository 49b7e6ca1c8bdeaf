"""No position owns less than nothing: what a late match took beyond its own is booked as what it is, and a person is told."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from execution.application.told import IncidentTold
from execution.domain.attempt import Attempt
from execution.domain.journal import LedgerAccount, imbalance
from execution.domain.position import Position, Run, RunKind
from shared.trading.money import QUOTE_ASSET
from shared.trading.status import AttemptState, PositionStatus, Side

D = Decimal


class Rebalanced:
    """A rebalance sold for 100, and its buy ended without a match; then the 100 were paid out of the position."""

    def __init__(self, counter: Any) -> None:
        self.counter = counter
        counter.holds("1")
        self.rebalance: Run = counter.a_run(RunKind.REBALANCE)
        self.buy = self._a_buy()
        self.has(contributed="200", invested="200", proceeds="100", withdrawn="100")
        counter.stands(PositionStatus.ACTIVE, self.rebalance)

    def _a_buy(self) -> Attempt:
        sent: Attempt = self.counter.sent(self.rebalance, AttemptState.CANCELLED)
        bought = replace(sent, side=Side.BUY)
        state = self.counter.state
        state.attempts[sent.link_id] = bought
        state.legs_[sent.leg_id] = replace(state.legs_[sent.leg_id], side=Side.BUY)
        return bought

    def has(self, **money: str) -> None:
        amounts = {name: D(amount) for name, amount in money.items()}
        self.counter.state.positions[self.position.position_id] = replace(self.position, **amounts)  # type: ignore[arg-type]

    def a_newer_run_ended(self) -> None:
        self.counter.stands(PositionStatus.ACTIVE, self.counter.a_run(RunKind.WITHDRAW))

    async def matched_late(self, exec_id: str, quantity: str) -> None:
        self.counter.clock.advance(1)  # what is booked in one moment is booked together
        await self.counter.book(self.counter.a_match(self.buy, exec_id, quantity))

    @property
    def position(self) -> Position:
        found: Position = self.counter.position
        return found

    @property
    def ledger(self) -> D:
        """The position's quote money by the journal."""
        lines = [line for line in self.counter.state.lines if line.ledger is LedgerAccount.POSITION]
        return sum((line.amount for line in lines if line.asset == QUOTE_ASSET), D(0))

    @property
    def told(self) -> list[IncidentTold]:
        incidents = [one for one in self.counter.state.told if isinstance(one, IncidentTold)]
        return [one for one in incidents if one.code == "cash_overdrawn"]


@pytest.fixture
def rebalanced(counter: Any) -> Rebalanced:
    return Rebalanced(counter)


@pytest.mark.parametrize("newer", [False, True])
async def test_what_was_spent_beyond_its_own_came_from_free_money_and_is_told(
    rebalanced: Rebalanced, *, newer: bool
) -> None:
    if newer:
        rebalanced.a_newer_run_ended()
    await rebalanced.matched_late("late", "0.3")
    position = rebalanced.position
    assert (position.contributed, position.withdrawn, position.invested) == (D(230), D(100), D(230))
    assert (position.cash, position.overdrawn) == (D(0), D(0))
    assert rebalanced.counter.state.runs[rebalanced.rebalance.run_id].flow == D(30)
    [incident] = rebalanced.told
    assert incident.position_id == position.position_id
    assert "30 USDT less" in incident.detail


@pytest.mark.parametrize("newer", [False, True])
async def test_another_late_match_is_counted_on_top(rebalanced: Rebalanced, *, newer: bool) -> None:
    if newer:
        rebalanced.a_newer_run_ended()
    await rebalanced.matched_late("late", "0.3")
    await rebalanced.matched_late("later", "0.2")
    position = rebalanced.position
    assert (position.contributed, position.withdrawn, position.cash) == (D(250), D(100), D(0))
    assert len({one.once for one in rebalanced.told}) == 2
    assert imbalance(rebalanced.counter.state.lines) == {}
    assert rebalanced.ledger == D(0), "what the matches cost, and what stood in for it"


async def test_a_late_match_that_its_own_cash_pays_for_is_no_news(rebalanced: Rebalanced) -> None:
    rebalanced.has(withdrawn="60")
    await rebalanced.matched_late("late", "0.3")
    assert (rebalanced.position.cash, rebalanced.position.contributed) == (D(10), D(200))
    assert not rebalanced.told


async def test_a_withdrawal_pays_out_no_more_than_there_is(counter: Any) -> None:
    counter.holds("1")
    run = replace(counter.a_run(RunKind.WITHDRAW), cash_part=D(50))
    counter.state.runs[run.run_id] = run
    sale = counter.sent(run, AttemptState.CANCELLED)
    counter.state.positions[counter.position.position_id] = replace(
        counter.position, contributed=D(120), invested=D(100)
    )
    counter.stands(PositionStatus.REBALANCING, run)
    await counter.book(counter.a_match(sale, "sold", "0.1"))
    assert (counter.position.withdrawn, counter.position.cash) == (D(30), D(0)), "10 were sold, 20 were there"
    assert counter.incidents == ["late_execution", "cash_overdrawn"]
