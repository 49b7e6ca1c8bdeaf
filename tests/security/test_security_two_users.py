"""Whatever belongs to one user does not exist for another: in HTTP, in the stream and in SQL."""

from __future__ import annotations

import uuid

import asyncpg
import pytest
from kit.feed import listening, listening_by_socket
from kit.stage import Customer, Stage

from basketry_cli.problems import ApiProblem
from basketry_local.environment import database_dsn
from shared.contracts.topology import SERVICES

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.integration, pytest.mark.timeout(180)]


async def refused(customer: Customer, method: str, path: str, body: dict[str, object] | None = None) -> int:
    headers = {"If-Match": '"1"'} if method == "PUT" else {"Idempotency-Key": str(uuid.uuid4())}
    with pytest.raises(ApiProblem) as problem:
        await customer.client._call(method, path, body, headers)
    return problem.value.status


async def test_every_object_of_another_user_is_not_found(stage: Stage) -> None:
    owner, stranger = await stage.customer(), await stage.customer()
    plan = await owner.client.plan(index="top-5", amount="300", account=str(owner.account_id))
    async with listening(stranger.client) as feed, listening_by_socket(stranger.client) as socket:
        position_id = await owner.buys("top-5", "300")
        await owner.settled(position_id)
        account = str(owner.account_id)
        calls: list[tuple[str, str, dict[str, object] | None]] = [
            ("GET", f"/api/positions/{position_id}", None),
            ("POST", f"/api/positions/{position_id}/close", {}),
            ("GET", f"/api/plans/{plan['plan_id']}", None),
            ("POST", "/api/positions", {"plan_id": plan["plan_id"]}),
            ("POST", "/api/plans", {"index": "top-5", "amount": "300", "account_id": account}),
            ("POST", "/api/plans", {"position_id": str(position_id)}),
            ("POST", "/api/positions", {"index": "top-5", "amount": "300", "account_id": account}),
            ("GET", f"/api/keys/{account}", None),
            ("POST", f"/api/keys/{account}/check", None),
            ("DELETE", f"/api/keys/{account}", None),
            ("GET", f"/api/accounts/{account}/flows", None),
            ("GET", f"/api/accounts/{account}/shortages", None),
            ("POST", f"/api/accounts/{account}/shortages/BTC/resolve", {"how": "sold"}),
            ("POST", f"/api/positions/{position_id}/runs", {"plan_id": plan["plan_id"]}),
            ("GET", f"/api/positions/{position_id}/performance", None),
            ("GET", f"/api/export/fills?position_id={position_id}", None),
        ]
        answers = {f"{method} {path}": await refused(stranger, method, path, body) for method, path, body in calls}
        assert answers == dict.fromkeys(answers, 404)
        own = await stranger.buys("top-5", "300")
        await feed.wait_for("position_active")
        await socket.wait_for("position_active")
        for heard in (feed, socket):
            assert str(position_id) not in str([event.data for event in heard.events])
            assert str(owner.account_id) not in str([event.data for event in heard.events])

    assert [item["position_id"] for item in await stranger.client.positions()] == [str(own)]
    activity = await stranger.client._call("GET", "/api/activity")
    assert str(position_id) not in str(activity)
    await owner.client.position(str(position_id))


async def test_an_index_of_somebody_elses_is_not_found_and_buys_nothing(stage: Stage) -> None:
    owner, stranger = await stage.customer(), await stage.customer()
    asked = {"name": "mine", "rules": {"size": 3, "weighting": "equal"}}
    index = (await owner.client._call("POST", "/api/indices", asked))["index_id"]
    calls: list[tuple[str, str, dict[str, object] | None]] = [
        ("GET", f"/api/indices/{index}", None),
        ("PUT", f"/api/indices/{index}", {**asked, "name": "yours"}),
        ("DELETE", f"/api/indices/{index}", None),
        ("GET", f"/api/indices/{index}/versions", None),
        ("GET", f"/api/indices/{index}/diff", None),
        ("GET", f"/api/indices/{index}/level", None),
        ("POST", "/api/plans", {"index": index, "amount": "300", "account_id": str(stranger.account_id)}),
    ]
    answers = {f"{method} {path}": await refused(stranger, method, path, body) for method, path, body in calls}
    assert answers == dict.fromkeys(answers, 404)
    listed = await stranger.client._call("GET", "/api/indices")
    assert index not in str(listed)
    assert (await owner.client._call("GET", f"/api/indices/{index}"))["name"] == "mine"


async def test_a_users_switch_stops_nobody_else_and_operators_doors_are_closed_to_users(stage: Stage) -> None:
    owner, stranger = await stage.customer(), await stage.customer()
    halt = await owner.client._call("POST", "/api/kill-switch", {"reason": "mine"})
    guards = await stranger.client._call("GET", "/api/guards")
    assert guards["halts"] == []
    closed: list[tuple[str, str, dict[str, object] | None]] = [
        ("GET", "/api/system/limits", None),
        ("PUT", "/api/system/limits/paper", {"order_max": "1"}),
        ("GET", "/api/system/kill-switch", None),
        ("POST", "/api/system/kill-switch", {"reason": "theirs"}),
        ("POST", f"/api/system/kill-switch/{halt['halt_id']}/release", {"reason": "theirs"}),
        ("GET", "/api/system/dead-letters", None),
        ("GET", "/api/system/attention", None),
    ]
    answers = {f"{method} {path}": await refused(stranger, method, path, body) for method, path, body in closed}
    assert answers == dict.fromkeys(answers, 403)
    await stranger.settled(await stranger.buys("top-5", "300"))
    assert [one["halt_id"] for one in (await owner.client._call("GET", "/api/guards"))["halts"]] == [halt["halt_id"]]


async def test_sql_shows_a_user_their_own_rows_and_nothing_without_a_user(stage: Stage) -> None:
    owner, stranger = await stage.customer(), await stage.customer()
    await owner.settled(await owner.buys("top-5", "300"))
    tables = await user_tables(stage)
    assert len(tables) >= 12
    filled = 0
    for service, table in tables:
        filled += await rows_seen(stage, service, table, by=str(owner.user_id))
        assert await rows_of(stage, service, table, owner=str(owner.user_id), by=str(stranger.user_id)) == 0, table
        assert await rows_seen(stage, service, table, by="") == 0, f"{service}.{table} without a user"
    assert filled > 20


async def user_tables(stage: Stage) -> list[tuple[str, str]]:
    books = await stage.books()
    try:
        rows = await books.fetch(
            """select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
               join pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id'
               where c.relkind in ('r', 'p') and c.relrowsecurity and n.nspname = any($1)""",
            list(SERVICES),
        )
    finally:
        await books.close()
    return [(row["nspname"], row["relname"]) for row in rows]


async def rows_seen(stage: Stage, service: str, table: str, *, by: str) -> int:
    return await _count(stage, service, f'select count(*) from {service}."{table}" where user_id is not null', by)


async def rows_of(stage: Stage, service: str, table: str, *, owner: str, by: str) -> int:
    return await _count(stage, service, f"select count(*) from {service}.\"{table}\" where user_id = '{owner}'", by)


async def _count(stage: Stage, service: str, query: str, by: str) -> int:
    """As the service's own login role, with `by` as the user of the transaction."""
    dsn = database_dsn(
        service, service, keyring=stage.platform.keyring, ports=stage.platform.ports, database="user_data"
    )
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute("select set_config('app.user_id', $1, true)", by)
            return int(await connection.fetchval(query))
    finally:
        await connection.close()
