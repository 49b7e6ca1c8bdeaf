"""What a plan allows to be tried again, from its approval to the signature, on the real PostgreSQL."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from kit.keys_desk import Desk, approve
from kit.keys_plan import a_plan

from keys.domain.errors import CeilingExceeded

pytestmark = pytest.mark.integration
CREATE = "/v5/order/create"
WHOLE: dict[str, Any] = {"qty": "1", "price": "100"}
REST: dict[str, Any] = {"qty": "0.6", "price": "100"}
SUMS = "select scope, amounts from keys.spending order by scope"


async def test_the_rest_is_signed_once_more_where_the_plan_says_so_and_no_sum_grows(desk: Desk) -> None:
    key, plan = await desk.add(desk.paper.open()), a_plan()
    await approve(desk, key, plan, quantity="1", notional="100", limit="100", amount="100", retries=True)
    await desk.signed(key, CREATE, plan.create(**WHOLE))
    before = await desk.rows(SUMS)
    assert before
    await desk.signed(key, CREATE, plan.create(**REST, attempt=1))
    with pytest.raises(CeilingExceeded):
        await desk.signed(key, CREATE, plan.create(**WHOLE, attempt=2))
    await desk.signed(key, CREATE, plan.create(**REST, attempt=2))
    assert await desk.rows(SUMS) == before
    [row] = await desk.rows("select retries, signed_quantity, signed_notional from keys.plan_ceilings")
    assert row == {"retries": True, "signed_quantity": Decimal(1), "signed_notional": Decimal(100)}


async def test_where_the_plan_says_nothing_another_attempt_counts_like_any_order(desk: Desk) -> None:
    key, plan = await desk.add(desk.paper.open()), a_plan()
    await approve(desk, key, plan, quantity="1", notional="100", limit="100", amount="100")
    await desk.signed(key, CREATE, plan.create(**WHOLE))
    with pytest.raises(CeilingExceeded):
        await desk.signed(key, CREATE, plan.create(**REST, attempt=1))
