"""No secret is ever pasted: a pair made by us trades, on a venue whose own price limits are as tight as Bybit's."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
import pytest_asyncio
from kit.checker import check_position
from kit.feed import listening
from kit.stage import Customer, Stage, running_stage

from basketry_cli.problems import ApiProblem

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration, pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(server_room: Path) -> AsyncIterator[Stage]:
    """Everything up; the venue refuses prices more than one per cent off, for the largest coins."""
    folder = Path(tempfile.mkdtemp(prefix="stage-", dir=server_room))
    folder.chmod(0o755)
    async with running_stage(folder) as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)


async def paired(stage: Stage) -> Customer:
    """A customer whose account trades with our pair: what the user does at the venue is done here."""
    customer = await stage.customer()
    pair = await customer.client._call("POST", "/api/keys/pairs", {"label": "our pair", "environment": "paper"})
    assert "PRIVATE" not in str(pair)
    at_venue = await stage.venue.post(
        "/paper/v1/accounts", json={"balances": {"USDT": "10000"}, "rsa_public_key": pair["public_key"]}
    )
    registered = at_venue.raise_for_status().json()
    path = f"/api/keys/pairs/{pair['pair_id']}/complete"
    key = await customer.client._call("POST", path, {"api_key": registered["api_key"]})
    with pytest.raises(ApiProblem) as gone:
        await customer.client._call("POST", path, {"api_key": registered["api_key"]})
    assert gone.value.status == 404
    return Customer(customer.client, customer.user_id, UUID(key["account_id"]), registered["uid"], customer.email)


async def test_ten_coins_are_bought_and_sold_with_a_pair_of_ours(stage: Stage) -> None:
    customer = await paired(stage)
    position_id = await customer.buys("top-10", "1000")
    position = await customer.settled(position_id)
    assert (position["status"], position["complete"], position["reasons"]) == ("ACTIVE", True, [])
    assert [leg["status"] for leg in position["legs"]] == ["FILLED"] * 10
    books = await stage.books()
    try:
        verdict = await check_position(books, await stage.ledger(customer.uid), position_id)
    finally:
        await books.close()
    assert verdict.faults == []
    async with listening(customer.client) as feed:
        await customer.client.close_position(str(position_id))
        await feed.wait_for("position_closed")
    closed = await customer.closed(position_id)
    ledger = await stage.ledger(customer.uid)
    held = {row["coin"]: Decimal(row["walletBalance"]) for row in ledger["balances"]}
    assert held["USDT"] == 10_000 - Decimal(closed["invested"]) + Decimal(closed["proceeds"])
