"""What becomes of legs that do not fill, chosen in the plan: tried again, or sold again; the books equal the ledger."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from kit.equal_books import customers_books_equal_the_ledger
from kit.stage import Customer, Stage, running_stage

from basketry_cli.problems import ApiProblem
from shared.testing import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration, pytest.mark.timeout(240)]
D = Decimal
THIN, DEEP = "30", "50000000"
SYMBOL = "XRPUSDT"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def still_stage(server_room: Path) -> AsyncIterator[Stage]:
    """A platform of its own: this module changes the venue's books."""
    folder = Path(tempfile.mkdtemp(prefix="stage-", dir=server_room))
    folder.chmod(0o755)
    async with running_stage(folder) as running:
        await running.freeze_prices()
        yield running
    shutil.rmtree(folder, ignore_errors=True)


async def feed(stage: Stage, **change: Any) -> dict[str, Any]:
    answer = await stage.venue.post("/paper/v1/feed", json=change)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


async def bought(customer: Customer, policy: str) -> tuple[dict[str, Any], UUID]:
    async def planned() -> dict[str, Any]:
        """A test before may have emptied a book, whose price is seen again a second after it was filled."""
        try:
            return await customer.client.plan(
                index="top-5", amount="2000", account=str(customer.account_id), policy=policy
            )
        except ApiProblem as problem:
            raise AssertionError(problem.code) from None

    plan = await eventually(planned, timeout_s=30, every_s=0.5, because="all coins have a price")
    assert plan["policy"] == policy
    accepted = await customer.client.open_position(plan["plan_id"])
    return plan, UUID(accepted["position_id"])


async def plan_on_deep_books(customer: Customer, ask: dict[str, str]) -> dict[str, Any]:
    """A plan that leaves nothing out: books are kept for a second, and an earlier test may have made one thin."""

    async def whole() -> dict[str, Any]:
        try:
            plan = await customer.client.plan(**ask)
        except ApiProblem as problem:
            raise AssertionError(problem.code) from None
        assert {leg["check"] for leg in plan["legs"]} == {"ok"}
        assert plan["warnings"] == []
        return plan

    return await eventually(whole, timeout_s=30, every_s=0.5, because="all books are deep and seen")


async def books_equal_the_ledger(stage: Stage, customer: Customer) -> None:
    """To the last digit, with nothing put aside any more."""
    await customers_books_equal_the_ledger(stage, customer)
    books = await stage.books()
    try:
        aside = await books.fetch("select 1 from execution.reservations where account_id = $1", customer.account_id)
    finally:
        await books.close()
    assert aside == []


async def test_complete_tries_the_rest_again_under_the_signers_eyes_until_it_is_bought(still_stage: Stage) -> None:
    customer = await still_stage.customer()
    await feed(still_stage, depth={SYMBOL: THIN})
    seen = await customer.client._call("GET", "/api/guards")
    plan, position_id = await bought(customer, "COMPLETE")
    wanted = next(leg for leg in plan["legs"] if leg["symbol"] == SYMBOL)

    async def waits() -> dict[str, Any]:
        position = await customer.client.position(str(position_id))
        leg: dict[str, Any] = next((one for one in position["legs"] if one["symbol"] == SYMBOL), {"reason": None})
        assert (position["status"], leg["reason"]) == ("EXECUTING", "tried_again"), leg
        return leg

    leg = await eventually(waits, timeout_s=30, every_s=0.1, because="a part of the leg waits for another attempt")
    assert 0 < D(leg["filled_quantity"]) < D(leg["quantity"])
    await feed(still_stage, depth={SYMBOL: DEEP})
    position = await customer.settled(position_id)
    assert (position["status"], position["complete"], position["policy"]) == ("ACTIVE", True, "COMPLETE")
    leg = next(one for one in position["legs"] if one["symbol"] == SYMBOL)
    assert (leg["status"], leg["filled_quantity"]) == ("FILLED", wanted["quantity"])
    ledger = await still_stage.ledger(customer.uid)
    tries = [order for order in ledger["orders"] if order["symbol"] == SYMBOL]
    assert len(tries) >= 2
    assert sum(D(order["cumExecQty"]) for order in tries) == D(wanted["quantity"])
    await books_equal_the_ledger(still_stage, customer)
    guards = await customer.client._call("GET", "/api/guards")
    spent = D(guards["spent_hour"]) - D(seen["spent_hour"])
    assert spent == sum(D(one["max_notional"]) for one in plan["legs"] if one["check"] == "ok"), (
        "what was tried again takes the place of what it follows"
    )


async def test_unwind_sells_again_what_was_bought_and_opening_halts_do_not_stop_it(still_stage: Stage) -> None:
    customer = await still_stage.customer()
    await still_stage.order(kind="match_delay", uid=customer.uid, latency_ms=5000)
    try:
        plan, position_id = await bought(customer, "UNWIND")
        await feed(still_stage, depth={SYMBOL: THIN})  # after the plan, which would have seen it

        async def sent() -> bool:
            return len((await still_stage.ledger(customer.uid))["orders"]) == 5

        await eventually(sent, timeout_s=30, every_s=0.05, because="all legs are at the venue")
        await customer.client._call("POST", "/api/kill-switch", {"reason": "Nothing more, please."})
        matched = (await still_stage.ledger(customer.uid))["executions"]
        sold = [row for row in matched if row["side"] == "Sell"]
        assert sold == [], "the switch was thrown before anything was sold again"
        position = await customer.settled(position_id)
    finally:
        await feed(still_stage, depth={SYMBOL: DEEP})
    assert plan["policy"] == "UNWIND"
    assert (position["status"], position["complete"], position["run_kind"]) == ("CLOSED", False, "unwind")
    assert position["reasons"][:2] == ["unwound", f"{SYMBOL}:partly_filled"]
    sells = [leg for leg in position["legs"] if leg["side"] == "Sell"]
    assert {leg["symbol"] for leg in sells} == {leg["symbol"] for leg in plan["legs"]}
    for leg in sells:
        came = next(one for one in position["legs"] if one["side"] == "Buy" and one["symbol"] == leg["symbol"])
        assert D(leg["filled_quantity"]) <= D(came["filled_quantity"])
    assert D(position["withdrawn"]) == D(position["proceeds"]), "the money is the user's again"
    assert D(position["cash"]) == 0
    await books_equal_the_ledger(still_stage, customer)
    lines = await customer.client._call("GET", "/api/activity")
    sentences = [line["sentence"] for line in lines["items"]]
    assert any("sold again" in sentence and SYMBOL in sentence for sentence in sentences), sentences


async def test_a_plan_sees_a_thin_book_and_refuses_what_would_not_be_the_index(still_stage: Stage) -> None:
    customer = await still_stage.customer()
    ask = {"index": "top-5", "amount": "2000", "account": str(customer.account_id)}
    deep = await plan_on_deep_books(customer, ask)
    for leg in deep["legs"]:
        assert D(leg["book_price"]) >= D(leg["estimated_price"])
        assert D(leg["slippage"]) > 0, "a buy above the mid is a cost"
        assert D(leg["book_notional"]) >= D(leg["notional"])
    assert D(deep["slippage"]) == sum(D(leg["slippage"]) for leg in deep["legs"])
    assert 0 < D(deep["slippage"]) <= D(deep["slippage_max"])
    await feed(still_stage, depth={SYMBOL: "100"})

    async def refused() -> dict[str, Any]:
        try:
            plan = await customer.client.plan(**ask)
        except ApiProblem as problem:
            told = problem
        else:
            raise AssertionError(f"the plan does not look at the book: {plan['warnings']}")
        assert (told.status, told.code) == (422, "book_too_thin")
        return told.context

    try:
        context = await eventually(refused, timeout_s=30, every_s=0.5, because="the plan looks at the book")
        assert context["symbols"] == [SYMBOL]
        works = await customer.client.plan(**{**ask, "amount": context["largest_amount"]})
        assert {leg["check"] for leg in works["legs"]} == {"ok"}
        patient = await customer.client.plan(**ask, policy="COMPLETE")
        assert {leg["check"] for leg in patient["legs"]} == {"ok"}, "what is tried again is only warned of"
        assert any(SYMBOL in warning and "takes only" in warning for warning in patient["warnings"]), patient[
            "warnings"
        ]
    finally:
        await feed(still_stage, depth={SYMBOL: DEEP})


async def test_an_illiquid_coin_is_no_target_until_its_book_is_deep_and_a_sale_names_it(still_stage: Stage) -> None:
    customer = await still_stage.customer()
    ask = {"index": "top-10", "amount": "8000", "account": str(customer.account_id)}  # a hundredth is worth selling
    whole = await plan_on_deep_books(customer, ask)
    coin = min(whole["legs"], key=lambda leg: D(leg["target_weight"]))["symbol"]
    await feed(still_stage, depth={coin: "1"})

    async def left_out() -> dict[str, Any]:
        plan = await customer.client.plan(**ask)
        leg = next(one for one in plan["legs"] if one["symbol"] == coin)
        assert (leg["check"], leg["reason"], leg["quantity"]) == ("illiquid", "book_too_thin", "0")
        return plan

    try:
        plan = await eventually(left_out, timeout_s=30, every_s=0.5, because="the plan looks at the book")
        assert sum(D(leg["effective_weight"]) for leg in plan["legs"]) == 1
        assert next(D(leg["effective_weight"]) for leg in plan["legs"] if leg["symbol"] == coin) == 0
        assert any(coin in warning for warning in plan["warnings"])
        accepted = await customer.client.open_position(plan["plan_id"])
        position_id = accepted["position_id"]
        position = await customer.settled(UUID(position_id))
        assert (position["status"], position["complete"]) == ("ACTIVE", True)
        skipped = next(leg for leg in position["legs"] if leg["symbol"] == coin)
        assert (skipped["status"], skipped["reason"]) == ("SKIPPED", "book_too_thin")

        async def still_waits() -> bool:
            waits = await customer.client.run_plan(position_id, "rebalance")
            assert {leg["check"] for leg in waits["legs"]} == {"hold", "illiquid"}
            assert D(waits["drift_before"]) < D("0.01")
            return True

        await eventually(still_waits, timeout_s=30, every_s=0.5, because="the plan looks at the book")
    finally:
        await feed(still_stage, depth={coin: DEEP})

    async def bought_later() -> dict[str, Any]:
        found = await customer.client.run_plan(position_id, "rebalance")
        assert next(one for one in found["legs"] if one["symbol"] == coin)["check"] == "ok"
        return found

    rebalance = await eventually(bought_later, timeout_s=30, every_s=0.5, because="the book is deep again")
    await customer.client.execute(rebalance, idempotency_key=f"later-{position_id}")

    async def holds_all() -> dict[str, Any]:
        found = await customer.client.position(position_id)
        assert found["status"] == "ACTIVE"
        assert any(leg["symbol"] == coin and leg["status"] == "FILLED" for leg in found["legs"])
        return found

    await eventually(holds_all, timeout_s=60, every_s=0.2, because="the coin is bought at last")
    await books_equal_the_ledger(still_stage, customer)


async def test_a_book_that_is_thin_by_the_time_of_the_order_leaves_the_rest_unspent_and_says_so(
    still_stage: Stage,
) -> None:
    customer = await still_stage.customer()
    ask = {"index": "top-5", "amount": "2000", "account": str(customer.account_id)}
    plan = await plan_on_deep_books(customer, ask)
    await feed(still_stage, depth={SYMBOL: THIN})
    try:
        accepted = await customer.client.open_position(plan["plan_id"])
        position = await customer.settled(UUID(accepted["position_id"]))
    finally:
        await feed(still_stage, depth={SYMBOL: DEEP})
    assert (position["status"], position["complete"]) == ("ACTIVE", False)
    assert position["reasons"] == [f"{SYMBOL}:partly_filled"]
    leg = next(one for one in position["legs"] if one["symbol"] == SYMBOL)
    assert 0 < D(leg["filled_quantity"]) < D(leg["quantity"])
    assert leg["status"] == "CANCELLED"
    others = [one for one in position["legs"] if one["symbol"] != SYMBOL]
    assert {one["status"] for one in others} == {"FILLED"}
    await books_equal_the_ledger(still_stage, customer)


async def test_a_policy_that_does_not_fit_is_refused_before_anything_is_ordered(still_stage: Stage) -> None:
    customer = await still_stage.customer()
    plan = await plan_on_deep_books(customer, {"index": "top-5", "amount": "500", "account": str(customer.account_id)})
    accepted = await customer.client.open_position(plan["plan_id"])
    await customer.settled(UUID(accepted["position_id"]))
    ask = {"position_id": accepted["position_id"], "kind": "rebalance", "policy": "UNWIND"}
    with pytest.raises(ApiProblem) as refused:
        await customer.client._call("POST", "/api/plans", ask)
    assert (refused.value.status, refused.value.code) == (422, "policy_not_for_this")
    with pytest.raises(ApiProblem) as unknown:
        await customer.client._call("POST", "/api/plans", {**ask, "policy": "MAYBE"})
    assert unknown.value.status == 422
