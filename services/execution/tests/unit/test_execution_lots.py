"""What is told of a position's coins is all that changes them: the lots made of it equal the books to the last digit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution.application.check_balances import CheckBalances
from execution.application.ports import Account
from execution.application.release_coins import release_coins
from execution.application.resolve_shortage import ResolveShortage
from execution.application.told import FillTold, ReleasesTold
from execution.domain.position import PositionHolding, RunKind
from execution.domain.release import ReleaseReason
from execution.domain.shortage import ShortageAnswer
from execution.inbound.views import fill_view, release_view
from gateway.domain.exported import ExportedFill, ExportedRelease
from gateway.domain.lots import Change, Lot, lots_of
from shared.contracts.execution import FillView, ReleaseView
from shared.trading.money import ZERO
from shared.trading.status import AttemptState, PositionStatus

D = Decimal
A, B = UUID(int=3), UUID(int=33)
FULL = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def a_step(name: str, **fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"do": st.just(name), "of": st.sampled_from((A, B)), **fields})


AMOUNT = st.decimals("0.00000001", "3", places=8)
MATCH: dict[str, Any] = {
    "quantity": AMOUNT,
    "price": st.decimals("0.01", "70000", places=2),
    "fee": st.decimals("0", "0.01", places=10),
    "fee_asset": st.sampled_from(("BTC", "USDT", "MNT")),
}
STEPS = st.lists(
    st.one_of(
        a_step("buy", **MATCH),
        a_step("buy", **MATCH),
        a_step("sell", **MATCH),
        a_step("short", quantity=AMOUNT, how=st.sampled_from((ShortageAnswer.SOLD, ShortageAnswer.WITHDRAWN))),
        a_step("dust"),
    ),
    min_size=3,
    max_size=12,
)


class Life:
    """Two positions that hold bitcoin on one account, and all that may happen to it."""

    def __init__(self, counter: Any) -> None:
        self.counter = counter
        position = counter.position
        counter.state.positions[B] = replace(position, position_id=B)
        self.account = Account(
            user_id=position.user_id, account_id=position.account_id, environment=position.environment
        )
        self._orders = {
            (side, of): counter.sent(counter.a_run(kind, of), AttemptState.ACKED, quantity="9")
            for side, kind in (("buy", RunKind.BUY), ("sell", RunKind.REBALANCE))
            for of in (A, B)
        }
        self._matches = 0

    async def goes_on(self, step: dict[str, Any]) -> None:
        self.counter.clock.advance(1)
        await getattr(self, f"_{step['do']}")(step)

    def held(self, position_id: UUID) -> PositionHolding | None:
        found: PositionHolding | None = self.counter.state.holdings_.get((position_id, "BTC"))
        return found

    async def _buy(self, step: dict[str, Any]) -> None:
        await self._match("buy", step)

    async def _sell(self, step: dict[str, Any]) -> None:
        await self._match("sell", step)

    async def _match(self, side: str, step: dict[str, Any]) -> None:
        """At the same moment as others: the order of the books counts, not the venue's time."""
        self._matches += 1
        if step["fee_asset"] == "BTC" and side == "buy":
            step = step | {"fee": min(step["fee"], step["quantity"])}
        match = self.counter.a_match(self._orders[side, step["of"]], f"e-{99 - self._matches}", "1")
        await self.counter.book(
            replace(match, **{name: step[name] for name in ("quantity", "price", "fee", "fee_asset")})
        )

    async def _short(self, step: dict[str, Any]) -> None:
        """The account is found to hold less than the positions, and the user says why."""
        total = sum((held.quantity for of in (A, B) if (held := self.held(of))), ZERO)
        balance = max(total - step["quantity"], ZERO)
        for order in self._orders.values():
            self.counter.state.attempts[order.link_id] = replace(order, state=AttemptState.CANCELLED)
        check = CheckBalances(
            books=self.counter.books,
            venue=Wallet(balance),  # type: ignore[arg-type]
            clock=self.counter.clock,
            ids=self.counter.ids,
        )
        if not await check.execute(self.account, ["BTC"]):
            return
        answers = ResolveShortage(books=self.counter.books, clock=self.counter.clock)
        await answers.execute(
            user_id=self.account.user_id, account_id=self.account.account_id, asset="BTC", how=step["how"]
        )

    async def _dust(self, step: dict[str, Any]) -> None:
        """A run is settled that leaves what the venue would not sell."""
        held = self.held(step["of"])
        if held is None or not held.quantity:
            return
        async with self.counter.books.work(self.account.user_id) as work:
            await release_coins(
                work,
                [(held, held.quantity)],
                source=f"run:{step['of']}:{held.entries}",
                why=ReleaseReason.RESIDUAL,
                at=self.counter.clock.now(),
            )

    def told(self) -> list[tuple[UUID, FillView | ReleaseView]]:
        found: list[tuple[UUID, FillView | ReleaseView]] = []
        for told in self.counter.state.told:
            if isinstance(told, FillTold):
                found.append((told.fill.position_id, fill_view(told.fill)))
            elif isinstance(told, ReleasesTold):
                found += [(one.position_id, release_view(one)) for one in told.releases]
        return found


class Wallet:
    def __init__(self, balance: D) -> None:
        self._balance = balance

    async def balances(self, _account: Any, _assets: Any) -> dict[str, D]:
        return {"BTC": self._balance}


def exported(position_id: UUID, view: FillView | ReleaseView, status: PositionStatus) -> Change:
    """As the gateway keeps it."""
    facts = view.model_dump() | {"position_id": position_id, "position_status": status}
    kind = ExportedFill if isinstance(view, FillView) else ExportedRelease
    facts |= {"account_id": UUID(int=1), "environment": "paper", "base_asset": "BTC", "index_id": "top-10"}
    return kind(**{name: facts[name] for name in kind.__dataclass_fields__})


async def lots_told(told: Sequence[tuple[UUID, FillView | ReleaseView]], life: Life) -> list[Lot]:
    def number(one: tuple[UUID, FillView | ReleaseView]) -> int:
        assert one[1].entry is not None
        return one[1].entry

    async def changes() -> AsyncIterator[Change]:
        for position_id in (A, B):
            status = life.counter.state.positions[position_id].status
            for _, view in sorted((one for one in told if one[0] == position_id), key=number):
                yield exported(position_id, view, status)

    return [lot async for lot in lots_of(changes())]


@FULL
@given(steps=STEPS, rng=st.randoms(use_true_random=False))
async def test_whatever_happens_open_lots_are_what_is_held(counter: Any, steps: list[dict[str, Any]], rng: Any) -> None:
    life = Life(type(counter)())
    for step in steps:
        await life.goes_on(step)
    told = life.told()
    rng.shuffle(told)  # the gateway may hear of them in any order
    lots = await lots_told(told, life)
    for position_id in (A, B):
        own = [lot for lot in lots if lot.position_id == position_id]
        held = life.held(position_id) or PositionHolding(
            position_id=position_id, user_id=A, account_id=A, asset="BTC", symbol="BTCUSDT", target_weight=ZERO
        )
        assert sum((lot.quantity for lot in own), ZERO) == held.quantity
        assert sum((lot.cost for lot in own), ZERO) == held.cost
        assert sum((lot.realised for lot in own), ZERO) == held.realised
        if own:
            assert (own[-1].quantity_after, own[-1].cost_after) == (held.quantity, held.cost)


async def test_golden_coins_given_up_leave_at_their_cost_and_gain_nothing(counter: Any) -> None:
    """1 at 100 and 1 at 200; of the 2 a quarter is sold by hand: 1.5 stay, for 225."""
    life = Life(counter)
    for price in ("100", "200"):
        await life.goes_on(
            {"do": "buy", "of": A, "quantity": D(1), "price": D(price), "fee": ZERO, "fee_asset": "USDT"}
        )
    await life.goes_on({"do": "short", "of": A, "quantity": D("0.5"), "how": ShortageAnswer.SOLD})
    *_, last = await lots_told(life.told(), life)
    assert (last.kind, last.quantity, last.cost, last.realised) == ("sold_by_hand", D("-0.5"), D(-75), ZERO)
    assert (last.quantity_after, last.cost_after, last.average_cost_after) == (D("1.5"), D(225), D(150))


@pytest.mark.parametrize("how", [ShortageAnswer.SOLD, ShortageAnswer.WITHDRAWN])
async def test_a_position_that_lost_everything_is_over_and_its_lots_are_empty(
    counter: Any, how: ShortageAnswer
) -> None:
    life = Life(counter)
    await life.goes_on({"do": "buy", "of": A, "quantity": D(1), "price": D(9), "fee": ZERO, "fee_asset": "USDT"})
    await life.goes_on({"do": "short", "of": A, "quantity": D(3), "how": how})
    assert counter.position.status is PositionStatus.CLOSED
    *_, last = await lots_told(life.told(), life)
    assert (last.quantity_after, last.cost_after) == (ZERO, ZERO)
    assert last.kind == ("sold_by_hand" if how is ShortageAnswer.SOLD else "withdrawn")
