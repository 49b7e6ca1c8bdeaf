"""Signatures that the venue takes, within what was approved, and not one more."""

from __future__ import annotations

import asyncio
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from uuid import uuid4

import httpx
import pytest
from kit.keys_desk import Desk, approve
from kit.keys_plan import Plan, a_plan
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from keys.application.approve_plan import ApprovedPlan
from keys.application.sign import PENDING_AT_MOST_S, AskAgain, RetryReason, Signed
from keys.domain.allowance import PlanCeiling
from keys.domain.endpoints import Caller
from keys.domain.errors import (
    ApprovalExpired,
    CeilingExceeded,
    CeilingMissing,
    EndpointNotAllowed,
    KeyNotFound,
    KeyNotUsable,
    LinkIdRefused,
    PayloadRefused,
    PriceBeyondPlan,
    SignatureTooLate,
)
from keys.domain.lane import Lane
from keys.domain.signing import STREAM_LIFE_MS
from keys.domain.stored_key import StoredKey
from keys.wiring import make_use_cases
from shared.contracts.topology import ACK_WAIT_S
from shared.runtime.settings import EnvironmentNotOpen
from shared.trading.clock import epoch_ms
from shared.trading.errors import Denied, Invalid
from shared.trading.status import Side

pytestmark = pytest.mark.integration

CREATE, BATCH = "/v5/order/create", "/v5/order/create-batch"


def mid(desk: Desk, symbol: str = "BTCUSDT") -> Decimal:
    return Decimal(str(desk.paper.http.get(f"{desk.paper.url}/paper/v1/feed").json()["prices"][symbol]))


async def test_the_venue_accepts_what_was_signed_orders_reads_and_cancels(desk: Desk) -> None:
    account = desk.paper.open()
    key, plan = await desk.add(account), a_plan()
    await approve(desk, key, plan)
    price = str((mid(desk) * Decimal("1.01")).quantize(Decimal(1)))
    create = plan.create(0, qty="0.001", price=price)
    reply = desk.paper.call(await desk.signed(key, CREATE, create), "POST", CREATE, create)
    assert (reply["retCode"], reply["result"]["orderLinkId"]) == (0, plan.link(0))
    batch = plan.batch(range(1, 4), qty="0.001", price=price)
    reply = desk.paper.call(await desk.signed(key, BATCH, batch), "POST", BATCH, batch)
    assert [leg["code"] for leg in reply["retExtInfo"]["list"]] == [0, 0, 0]
    for path, query in (
        ("/v5/order/history", f"category=spot&orderLinkId={plan.link(0)}"),
        ("/v5/execution/list", "category=spot&limit=100"),
        ("/v5/account/wallet-balance", "accountType=UNIFIED"),
        ("/v5/account/transaction-log", "accountType=UNIFIED"),
    ):
        signed = await desk.signed(key, path, query, method="GET", caller=Caller.RECONCILER, lane=Lane.POLL)
        assert desk.paper.call(signed, "GET", path, query)["retCode"] == 0
    cancel = json.dumps({"category": "spot", "symbol": "BTCUSDT", "orderLinkId": plan.link(0)})
    signed = await desk.signed(key, "/v5/order/cancel", cancel, lane=Lane.CANCEL_QUERY)
    assert desk.paper.call(signed, "POST", "/v5/order/cancel", cancel)["retCode"] not in {10003, 10004}


async def test_an_environment_that_was_shut_after_a_key_was_stored_gets_no_order_and_no_stream(desk: Desk) -> None:
    key, plan = await desk.add(desk.paper.open()), a_plan()
    await approve(desk, key, plan)
    shut = desk.settings.model_copy(update={"venues": {}})
    async with httpx.AsyncClient(trust_env=False) as http:
        now = replace(desk, cases=make_use_cases(shut, desk.database, http, clock=desk.clock))
        with pytest.raises(EnvironmentNotOpen):
            await now.sign(key, CREATE, plan.create(0, qty="0.001", price="1000"))
        with pytest.raises(EnvironmentNotOpen):
            await now.cases.sign_stream(desk.user, key.key_id)
        cancel = json.dumps({"category": "spot", "symbol": "BTCUSDT", "orderLinkId": plan.link(0)})
        assert isinstance(await now.signed(key, "/v5/order/cancel", cancel, lane=Lane.CANCEL_QUERY), Signed)
    assert isinstance(await desk.signed(key, CREATE, plan.create(0, qty="0.001", price="1000")), Signed)


async def test_a_stream_login_is_good_for_a_second_and_audited(desk: Desk) -> None:
    assert STREAM_LIFE_MS == 1000
    account = desk.paper.open()
    key = await desk.add(account)
    before_ms = epoch_ms(desk.clock.now())
    login = await desk.cases.sign_stream(desk.user, key.key_id)
    text = f"GET/realtime{login.expires_ms}".encode()
    assert login.signature == hmac.new(account["api_secret"].encode(), text, sha256).hexdigest()
    assert before_ms <= login.expires_ms - STREAM_LIFE_MS <= epoch_ms(desk.clock.now())
    assert account["api_secret"] not in repr(login)
    (row,) = await desk.rows("select actor, outcome from keys.audit where action = 'sign_stream'")
    assert dict(row) == {"actor": "execution", "outcome": "done"}


async def test_an_order_waits_for_its_approval_and_is_refused_when_none_comes(desk: Desk) -> None:
    key, plan = await desk.add(desk.paper.open()), a_plan()
    pending = await desk.sign(key, CREATE, plan.create())
    assert pending == AskAgain(after_ms=20, reason=RetryReason.CEILINGS_PENDING)
    await approve(desk, key, plan)
    assert isinstance(await desk.sign(key, CREATE, plan.create()), Signed)
    never = a_plan()
    assert isinstance(await desk.sign(key, CREATE, never.create()), AskAgain)
    desk.clock.ahead += ACK_WAIT_S + 1  # the bus has brought the command again by now
    assert isinstance(await desk.sign(key, CREATE, never.create()), AskAgain)
    desk.clock.ahead += PENDING_AT_MOST_S - ACK_WAIT_S
    with pytest.raises(CeilingMissing):
        await desk.sign(key, CREATE, never.create())


async def test_more_than_was_approved_is_never_signed_whoever_asks_at_once(desk: Desk) -> None:
    key, plan = await desk.add(desk.paper.open()), a_plan()
    await approve(desk, key, plan, quantity="0.005", notional="5")

    async def ask(leg: int) -> bool:
        while True:
            try:
                answer = await desk.sign(key, CREATE, plan.create(leg))
            except CeilingExceeded:
                return False
            if isinstance(answer, Signed):
                return True
            await asyncio.sleep(answer.after_ms / 1000)

    granted = await asyncio.gather(*(ask(leg) for leg in range(12)))
    assert granted.count(True) == 5
    (row,) = await desk.rows("select signed_quantity, signed_notional from keys.plan_ceilings")
    assert (row["signed_quantity"], row["signed_notional"]) == (Decimal("0.005"), Decimal(5))


async def test_the_same_order_is_signed_again_for_free_and_another_one_under_its_id_is_refused(desk: Desk) -> None:
    key, plan = await desk.add(desk.paper.open()), a_plan()
    await approve(desk, key, plan, quantity="0.001")
    for payload in (plan.create(), plan.create(), plan.create(qty="0.0010").replace(", ", ",")):
        await desk.signed(key, CREATE, payload)
    await desk.signed(key, BATCH, plan.batch(range(1)))
    for other in (plan.create(price="999"), plan.create(side="Sell"), plan.create(qty="0.0005")):
        with pytest.raises((LinkIdRefused, CeilingMissing)):
            await desk.sign(key, CREATE, other)
    (row,) = await desk.rows("select signed_quantity from keys.plan_ceilings")
    assert row["signed_quantity"] == Decimal("0.001")


async def test_nothing_is_signed_late(desk: Desk) -> None:
    key, plan = await desk.add(desk.paper.open()), a_plan()
    await approve(desk, key, plan)
    await desk.signed(key, CREATE, plan.create(0))
    desk.clock.ahead += 60
    for leg in (0, 1):
        with pytest.raises(ApprovalExpired):
            await desk.sign(key, CREATE, plan.create(leg))


async def test_nothing_is_signed_after_the_askers_own_moment(desk: Desk) -> None:
    key, plan = await desk.add(desk.paper.open()), a_plan()
    await approve(desk, key, plan)
    now = desk.clock.now()
    with pytest.raises(SignatureTooLate):
        await desk.sign(key, CREATE, plan.create(), not_after=now - timedelta(milliseconds=1))
    assert await desk.rows("select 1 from keys.signed_orders") == []
    (row,) = await desk.rows("select outcome, link_ids from keys.audit where action = 'sign'")
    assert (row["outcome"], row["link_ids"]) == ("refused:signature_too_late", [plan.link(0)])
    in_time = await desk.sign(key, CREATE, plan.create(), not_after=now + timedelta(seconds=30))
    assert isinstance(in_time, Signed)


async def test_a_signer_that_is_held_up_halfway_gives_no_late_signature(desk: Desk) -> None:
    key, plan = await desk.add(desk.paper.open()), a_plan()
    await approve(desk, key, plan, life_s=3600)
    refused = signed = 0
    for patience_ms in range(0, 2000, 100):
        not_after = desk.clock.now() + timedelta(milliseconds=patience_ms)
        desk.clock.step = 0.05
        try:
            answer = await desk.sign(key, CREATE, plan.create(), not_after=not_after)
        except SignatureTooLate:
            refused += 1
        else:
            assert isinstance(answer, AskAgain) or answer.timestamp_ms <= not_after.timestamp() * 1000
            signed += isinstance(answer, Signed)
        desk.clock.step = 0.0
    assert refused >= 3
    assert signed >= 1
    (row,) = await desk.rows("select signed_quantity from keys.plan_ceilings")
    assert row["signed_quantity"] == Decimal("0.001")


async def test_a_plan_binds_its_prices_and_the_sum_of_its_buys(desk: Desk) -> None:
    key, plan = await desk.add(desk.paper.open()), a_plan()
    await approve(desk, key, plan, symbols=("BTCUSDT", "ETHUSDT"), limit="1000", amount="1.5")
    with pytest.raises(PriceBeyondPlan):
        await desk.sign(key, CREATE, plan.create(price="1000.01"))
    await desk.signed(key, CREATE, plan.create(0))
    with pytest.raises(CeilingExceeded):
        await desk.sign(key, CREATE, plan.create(1, symbol="ETHUSDT", qty="0.000501"))
    await desk.signed(key, CREATE, plan.create(2, symbol="ETHUSDT", qty="0.0005"))
    sell = a_plan()
    await approve(desk, key, sell, side=Side.SELL, limit="1000")
    with pytest.raises(PriceBeyondPlan):
        await desk.sign(key, CREATE, sell.create(side="Sell", price="999.99"))
    await desk.signed(key, CREATE, sell.create(side="Sell", price="1000"))


async def test_asking_for_a_dead_key_costs_nobody_anything_and_hardly_fills_the_audit(desk: Desk) -> None:
    dead, path, query = await desk.add(desk.paper.open()), "/v5/order/realtime", "category=spot"
    await desk.cases.delete(desk.user, dead.key_id)

    async def ask() -> None:
        with pytest.raises(KeyNotUsable):
            await desk.sign(dead, path, query, method="GET", lane=Lane.CANCEL_QUERY)

    for _ in range(30):
        await ask()
    with pytest.raises(KeyNotUsable):
        await desk.cases.sign_stream(desk.user, dead.key_id)
    assert await desk.rows("select 1 from keys.egress_slots") == []
    assert await desk.rows("select 1 from keys.rate_windows") == []
    desk.clock.ahead += 61
    for _ in range(5):
        await ask()
    rows = await desk.rows("select action, why from keys.audit where outcome = 'refused:key_deleted' order by seq")
    assert [row["action"] for row in rows] == ["sign", "sign_stream", "sign"]
    assert rows[2]["why"].endswith("(and 29 more since the last record)")


async def test_approvals_of_a_month_ago_are_forgotten_and_the_login_role_itself_deletes_nothing(desk: Desk) -> None:
    key = await desk.add(desk.paper.open())
    old, young = a_plan(), a_plan()
    for plan in (old, young):
        await approve(desk, key, plan)
        await desk.signed(key, CREATE, plan.create())
    await desk.execute(
        "update keys.plan_ceilings set expires_at = now() - interval '31 days' where run_tail = $1",
        old.plan_id.hex[-10:],
    )
    await desk.execute(
        "update keys.signed_orders set signed_at = now() - interval '31 days' where link_id = $1", old.link(0)
    )
    assert await desk.cases.pruning.prune() == 2
    assert await desk.cases.pruning.prune() == 0
    assert [row["link_id"] for row in await desk.rows("select link_id from keys.signed_orders")] == [young.link(0)]
    (row,) = await desk.rows("select run_tail from keys.plan_ceilings")
    assert row["run_tail"] == young.plan_id.hex[-10:]
    for table in ("plan_ceilings", "signed_orders"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with desk.database.transaction(desk.user) as session:
                await session.execute(text(f"delete from keys.{table}"))


def _both_ways(key: StoredKey, plan: Plan, amount: Decimal | None) -> ApprovedPlan:
    """A rebalance: BTC is sold, ETH is bought, together for at most the amount."""
    return ApprovedPlan(
        user_id=key.user_id,
        key_id=key.key_id,
        environment=key.environment,
        position_id=plan.position_id,
        plan_id=plan.plan_id,
        sides=frozenset(Side),
        ceilings=[
            PlanCeiling(symbol=symbol, side=side, max_quantity=Decimal(1), max_notional=Decimal(1000))
            for symbol, side in (("BTCUSDT", Side.SELL), ("ETHUSDT", Side.BUY))
        ],
        expires_at=datetime.now(UTC) + timedelta(minutes=1),
        approved_amount=amount,
    )


async def test_an_approval_counts_for_its_own_account_user_and_environment_only(desk: Desk) -> None:
    key, other = await desk.add(desk.paper.open()), await desk.add(desk.paper.open())
    plan, stranger = a_plan(), uuid4()
    with pytest.raises(KeyNotFound):
        await approve(desk, key, plan, user=stranger)
    await approve(desk, key, plan)
    assert isinstance(await desk.sign(other, CREATE, plan.create()), AskAgain)
    with pytest.raises(KeyNotFound):
        await desk.sign(key, CREATE, plan.create(), user=stranger)
    with pytest.raises(Invalid):
        await approve(desk, key, a_plan(), symbols=("BTCUSDT", "BTCUSDT"))
    await approve(desk, key, plan, quantity="1000000")
    (row,) = await desk.rows("select max_quantity from keys.plan_ceilings")
    assert row["max_quantity"] == 1


async def test_a_rebalance_sells_one_and_buys_the_other_and_never_both_ways_with_one(desk: Desk) -> None:
    key = await desk.add(desk.paper.open())
    both = a_plan()
    await desk.cases.approve(_both_ways(key, both, Decimal(1)))
    await desk.signed(key, CREATE, both.create(0, side="Sell"))
    await desk.signed(key, CREATE, both.create(1, symbol="ETHUSDT"))
    with pytest.raises(CeilingMissing):
        await desk.sign(key, CREATE, both.create(2))
    with pytest.raises(Invalid):
        await desk.cases.approve(_both_ways(key, a_plan(), None))


async def test_refusals_are_audited_with_who_and_why(desk: Desk) -> None:
    key, plan = await desk.add(desk.paper.open()), a_plan()
    await approve(desk, key, plan, side=Side.SELL)
    with pytest.raises(CeilingMissing):
        await desk.sign(key, CREATE, plan.create())
    with pytest.raises(PayloadRefused):
        await desk.sign(key, CREATE, plan.create().replace("IOC", "GTC"))
    with pytest.raises(EndpointNotAllowed):
        await desk.sign(key, "/v5/asset/withdraw/create", "{}")
    with pytest.raises(EndpointNotAllowed):
        await desk.sign(key, CREATE, plan.create(), caller=Caller.RECONCILER)
    rows = await desk.rows("select actor, outcome, why, link_ids from keys.audit order by seq offset 1")
    assert [(row["actor"], row["outcome"]) for row in rows] == [
        ("execution", "refused:ceiling_missing"),
        ("execution", "refused:payload_refused"),
        ("execution", "refused:endpoint_not_allowed"),
        ("reconciler", "refused:endpoint_not_allowed"),
    ]
    assert rows[0]["link_ids"] == [plan.link(0)]
    assert rows[2]["why"] == "POST /v5/asset/withdraw/create buy"


async def test_a_refusal_never_repeats_what_was_asked(desk: Desk) -> None:
    account = desk.paper.open()
    key = await desk.add(account)
    for call in (
        desk.sign(key, CREATE, json.dumps({"category": "spot", "note": account["api_secret"]})),
        desk.sign(key, "/v5/order/realtime", f"category=spot&symbol={account['api_secret']}", method="GET"),
    ):
        with pytest.raises(Denied) as refusal:
            await call
        assert account["api_secret"] not in f"{refusal.value} {refusal.value.context}"
