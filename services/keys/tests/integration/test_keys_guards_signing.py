"""The signer's guards on the real PostgreSQL: a halt binds at once, and no crowd passes a limit together."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import cycle
from uuid import UUID, uuid4

import pytest
from kit.keys_desk import Desk, approve
from kit.keys_plan import Plan, a_plan

from keys.application.sign import AskAgain, Signed
from keys.application.switch_trading import HaltOrder
from keys.domain.endpoints import Caller
from keys.domain.errors import (
    GuardsChanged,
    HaltNotFound,
    LimitReached,
    LimitsRefused,
    PriceTooOld,
    SlippageBeyondLimit,
    TradingHalted,
)
from keys.domain.halts import Extent
from keys.domain.lane import Lane
from keys.domain.limits import DEFAULT_LIMITS, OwnLimits, PlatformLimits
from keys.domain.stored_key import StoredKey
from shared.testing import eventually
from shared.trading.status import Side, VenueEnvironment

pytestmark = pytest.mark.integration

CREATE, BATCH = "/v5/order/create", "/v5/order/create-batch"
PAPER = VenueEnvironment.PAPER
OPERATOR = uuid4()
REASON = "The venue answers with wrong prices."


async def ask(desk: Desk, key: StoredKey, plan: Plan, leg: int = 0, **terms: str) -> bool:
    """Ask until there is a decision: whether it was signed."""
    while True:
        try:
            answer = await desk.sign(key, CREATE, plan.create(leg, **terms))
        except LimitReached:
            return False
        if isinstance(answer, Signed):
            return True
        await asyncio.sleep(answer.after_ms / 1000)


async def limit(desk: Desk, user: UUID, **limits: str) -> None:
    seen = (await desk.cases.guards.of(user, PAPER)).own.version
    own = OwnLimits(**{name: Decimal(value) for name, value in limits.items()})
    await desk.cases.set_limits.own(user, PAPER, own, version=seen)


async def set_platform(desk: Desk, **limits: str) -> PlatformLimits:
    found = (await desk.cases.guards.platform())[PAPER]
    changed = replace(found.limits, **{name: Decimal(value) for name, value in limits.items()})
    await desk.cases.set_limits.platform(PAPER, changed, version=found.version, by=OPERATOR, reason=REASON)
    return changed


async def halt(
    desk: Desk, *, user: UUID | None = None, extent: Extent = Extent.OPENING, symbol: str | None = None
) -> UUID:
    order = HaltOrder(by=OPERATOR, as_operator=True, user_id=user, symbol=symbol, extent=extent, reason=REASON)
    return (await desk.cases.switch.halt(order)).halt_id


async def test_a_halt_stops_buys_at_the_next_signature_and_its_release_opens_them(desk: Desk) -> None:
    key, buy, sell = await desk.add(desk.paper.open()), a_plan(), a_plan()
    await approve(desk, key, buy)
    await approve(desk, key, sell, side=Side.SELL)
    await desk.signed(key, CREATE, buy.create(0))
    thrown = await halt(desk)
    for leg in (0, 1):  # an order that was signed before must not come back either
        with pytest.raises(TradingHalted):
            await desk.sign(key, CREATE, buy.create(leg))
    await desk.signed(key, CREATE, sell.create(side="Sell"))
    await desk.signed(
        key, "/v5/order/realtime", "category=spot", method="GET", caller=Caller.EXECUTION, lane=Lane.CANCEL_QUERY
    )
    await desk.cases.switch.release(thrown, by=OPERATOR, reason="The venue is sound again.")
    await desk.signed(key, CREATE, buy.create(1))
    rows = await desk.rows("select outcome from keys.audit where outcome like 'refused%'")
    assert [row["outcome"] for row in rows] == ["refused:trading_halted"]


async def test_a_halt_of_everything_stops_sales_but_never_cancels_and_questions(desk: Desk) -> None:
    key, sell = await desk.add(desk.paper.open()), a_plan()
    await approve(desk, key, sell, side=Side.SELL)
    await halt(desk, user=desk.user, extent=Extent.ALL)
    with pytest.raises(TradingHalted):
        await desk.sign(key, CREATE, sell.create(side="Sell"))
    await desk.signed(key, "/v5/order/realtime", "category=spot", method="GET", lane=Lane.CANCEL_QUERY)


async def test_a_halt_stops_those_whom_it_names_and_nobody_else(desk: Desk) -> None:
    mine, stranger = await desk.add(desk.paper.open()), uuid4()
    theirs = await desk.add(desk.paper.open(), user=stranger)
    own = HaltOrder(by=stranger, as_operator=False, user_id=stranger)
    await desk.cases.switch.halt(own)
    await halt(desk, symbol="ETHUSDT")
    for key in (mine, theirs):
        plan = a_plan()
        await approve(desk, key, plan, symbols=("BTCUSDT", "ETHUSDT"))
        with pytest.raises(TradingHalted):
            await desk.sign(key, CREATE, plan.create(1, symbol="ETHUSDT"))
        if key is mine:
            await desk.signed(key, CREATE, plan.create(0))
        else:
            with pytest.raises(TradingHalted):
                await desk.sign(key, CREATE, plan.create(0))
    await desk.cases.switch.release_own(stranger)
    with pytest.raises(HaltNotFound):  # the operator's stands
        await desk.cases.switch.release_own(stranger)


async def test_a_halt_thrown_in_a_stream_of_signatures_lets_none_through_afterwards(desk: Desk) -> None:
    key, plan = await desk.add(desk.paper.open()), a_plan()
    await approve(desk, key, plan)
    thrown = asyncio.Event()
    signed: list[bool] = []

    async def buy(start: int) -> None:
        for leg in cycle(range(start, 90, 4)):  # what was signed before is asked for again as well
            after_the_halt = thrown.is_set()
            try:
                answer = await desk.sign(key, CREATE, plan.create(leg))
            except TradingHalted:
                return
            if isinstance(answer, Signed):
                signed.append(after_the_halt)
            else:
                await asyncio.sleep(answer.after_ms / 1000)

    buying = [asyncio.create_task(buy(start)) for start in range(4)]
    await eventually(lambda: len(signed) >= 8, every_s=0.005)
    await halt(desk)
    thrown.set()
    await asyncio.gather(*buying)
    assert not any(signed)


async def test_fifty_parallel_buys_over_two_accounts_never_pass_the_hour_together(desk: Desk) -> None:
    keys = [await desk.add(desk.paper.open(), label=str(number)) for number in range(2)]
    await limit(desk, desk.user, hour_max="10")
    plans = [a_plan() for _ in range(50)]
    for number, plan in enumerate(plans):
        await approve(desk, keys[number % 2], plan)
    granted = await asyncio.gather(*(ask(desk, keys[n % 2], plan, n % 90) for n, plan in enumerate(plans)))
    assert granted.count(True) == 10
    rows = await desk.rows("select key_id, quantity * price as notional from keys.signed_orders")
    assert sum(row["notional"] for row in rows) == Decimal(10)
    assert len({row["key_id"] for row in rows}) == 2
    now = await desk.cases.guards.of(desk.user, PAPER)
    assert (now.spent.hour, now.spent.day) == (Decimal(10), Decimal(10))


async def test_all_users_together_never_pass_the_platforms_total(desk: Desk) -> None:
    await set_platform(desk, total_day_max="7")
    keys = [await desk.add(desk.paper.open(), user=uuid4()) for _ in range(4)]
    plans = [a_plan() for _ in range(24)]
    for number, plan in enumerate(plans):
        await approve(desk, keys[number % 4], plan)
    granted = await asyncio.gather(*(ask(desk, keys[n % 4], plan, n) for n, plan in enumerate(plans)))
    assert granted.count(True) == 7
    (row,) = await desk.rows("select sum(quantity * price) as all from keys.signed_orders")
    assert row["all"] == Decimal(7)


async def test_an_order_counts_once_however_often_it_is_signed_and_a_refused_one_not_at_all(desk: Desk) -> None:
    key, plan = await desk.add(desk.paper.open()), a_plan()
    await approve(desk, key, plan)
    await limit(desk, desk.user, hour_max="2", order_max="1.5")
    for _ in range(3):
        await desk.signed(key, CREATE, plan.create(0))
    with pytest.raises(LimitReached) as refusal:
        await desk.sign(key, CREATE, plan.create(1, qty="0.0011"))
    assert refusal.value.context["limit"] == "hour"
    assert refusal.value.context["left"] == "1"
    with pytest.raises(LimitReached) as refusal:
        await desk.sign(key, CREATE, plan.create(1, qty="0.0016"))
    assert (refusal.value.context["limit"], refusal.value.context["symbol"]) == ("order", "BTCUSDT")
    await desk.signed(key, CREATE, plan.create(2))
    (row,) = await desk.rows("select signed_quantity from keys.plan_ceilings")
    assert row["signed_quantity"] == Decimal("0.002")
    assert (await desk.cases.guards.of(desk.user, PAPER)).spent.hour == Decimal(2)


async def test_what_was_bought_leaves_the_window_with_time_and_stays_with_the_venue_account(desk: Desk) -> None:
    account = desk.paper.open()
    key, plan = await desk.add(account), a_plan()
    await approve(desk, key, plan)
    await limit(desk, desk.user, hour_max="1", day_max="2")
    assert await ask(desk, key, plan, 0)
    assert not await ask(desk, key, plan, 1)
    await desk.execute("update keys.spending set slots = array(select s - 13 from unnest(slots) s)")
    assert await ask(desk, key, plan, 1)
    await desk.execute("update keys.spending set slots = array(select s - 13 from unnest(slots) s)")
    assert not await ask(desk, key, plan, 2)  # two in a day
    # Another user who takes the venue account over does not start anew.
    await desk.cases.delete(desk.user, key.key_id)
    heir = uuid4()
    taken = await desk.add(account, user=heir)
    await limit(desk, heir, day_max="2")
    again = a_plan()
    await approve(desk, taken, again)
    assert not await ask(desk, taken, again)
    await desk.execute("update keys.spending set slots = array(select s - 289 from unnest(slots) s)")
    assert await ask(desk, taken, again)


async def test_a_limit_price_far_from_the_plans_price_or_an_old_one_is_not_signed(desk: Desk) -> None:
    key, far, old = await desk.add(desk.paper.open()), a_plan(), a_plan()
    await approve(desk, key, far, reference="990")
    await approve(desk, key, old, reference="1000", priced_at=desk.clock.now() - timedelta(seconds=90))
    await desk.signed(key, CREATE, far.create(0))
    await limit(desk, desk.user, slippage_bps_max="100", price_age_s_max="60")
    with pytest.raises(SlippageBeyondLimit):
        await desk.sign(key, CREATE, far.create(1))
    with pytest.raises(PriceTooOld):
        await desk.sign(key, CREATE, old.create(0))


async def test_own_limits_are_never_looser_than_the_platforms_and_never_somebody_elses(desk: Desk) -> None:
    stranger = uuid4()
    await limit(desk, desk.user, hour_max="10")
    with pytest.raises(LimitsRefused):
        await limit(desk, desk.user, hour_max=str(DEFAULT_LIMITS[PAPER].hour_max + 1))
    with pytest.raises(GuardsChanged):
        await desk.cases.set_limits.own(desk.user, PAPER, OwnLimits(), version=0)
    assert (await desk.cases.guards.of(desk.user, PAPER)).limits.hour_max == Decimal(10)
    assert (await desk.cases.guards.of(stranger, PAPER)).limits.hour_max == DEFAULT_LIMITS[PAPER].hour_max
    await set_platform(desk, hour_max="5")
    assert (await desk.cases.guards.of(desk.user, PAPER)).limits.hour_max == Decimal(5)


async def test_everything_that_changes_guards_is_audited_and_announced(desk: Desk) -> None:
    await limit(desk, desk.user, order_max="10")
    await desk.cases.switch.halt(HaltOrder(by=desk.user, as_operator=False, user_id=desk.user))
    await desk.cases.switch.halt(HaltOrder(by=desk.user, as_operator=False, user_id=desk.user))  # thrown already
    thrown = await halt(desk)
    assert {one.halt_id for one in await desk.cases.guards.standing()} >= {thrown}
    await desk.cases.switch.release(thrown, by=OPERATOR, reason="The venue is sound again.")
    rows = await desk.rows("select user_id, action, why from keys.audit order by at, seq")
    assert [(row["user_id"], row["action"]) for row in rows] == [
        (desk.user, "set_limits"),
        (desk.user, "halt"),
        (UUID(int=0), "halt"),
        (UUID(int=0), "resume"),
    ]
    assert str(OPERATOR) in rows[2]["why"]
    assert REASON in rows[2]["why"]
    events = await desk.rows("select subject, user_id from keys.outbox order by position")
    assert [(row["subject"].split(".")[2], row["user_id"]) for row in events] == [
        ("trading_halted", desk.user),
        ("trading_halted", None),
        ("trading_resumed", None),
    ]


async def test_no_signature_while_nothing_is_decided(desk: Desk) -> None:
    key, plan = await desk.add(desk.paper.open()), a_plan()
    await halt(desk)
    with pytest.raises(TradingHalted):  # also before the approval has arrived: nobody waits for what is halted
        await desk.sign(key, BATCH, plan.batch(range(3)))
    assert not isinstance(await desk.sign(key, CREATE, plan.create(side="Sell")), Signed)
    assert isinstance(await desk.sign(key, CREATE, plan.create(side="Sell")), AskAgain)
