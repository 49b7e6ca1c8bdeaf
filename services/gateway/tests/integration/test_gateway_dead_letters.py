from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from kit.gateway_browser import browsing, labels, tell

from shared.contracts import execution
from shared.testing import eventually

pytestmark = pytest.mark.integration


async def test_malformed_events_are_dead_letters_and_the_next_one_flows(house: Any, ada: UUID, build: Any) -> None:
    js = house.tester.jetstream()
    for stream, domain in (("EXECUTION", "execution"), ("PORTFOLIO", "portfolio"), ("ACCOUNT", "account")):
        await js.publish(f"{domain}.v1.nonsense.{ada}._", b"{not json", stream=stream)
    await js.publish("market.v1.nonsense._._", b'{"id": 1}')
    accepted = await house.bought(ada)
    view = build.position(ada, accepted, version=2)
    await house.say(execution.PositionActive(position=view), user=ada, about=view.position_id, version=2)
    await eventually(lambda: _is_active(house, ada, view.position_id))
    await eventually(lambda: _rows(house, "select * from gateway.dead_letters where code = 'malformed_event'", 4))
    rows = await house.sql("select * from gateway.dead_letters order by stream")
    assert [row["stream"] for row in rows] == ["ACCOUNT", "EXECUTION", "MARKET", "PORTFOLIO"]
    assert {row["body"] for row in rows} == {"{not json", '{"id": 1}'}
    refused = await house.http.get("/api/system/dead-letters", headers=house.headers(ada))
    assert (refused.status_code, refused.json()["code"]) == (403, "admin_only")
    operator = house.headers(uuid4(), role="admin")
    pages = await _pages(house, "/api/system/dead-letters?limit=3", operator)
    assert [len(page) for page in pages] == [3, 1]
    shown = [(item["received_at"], item["stream"]) for page in pages for item in page]
    assert sorted(shown, reverse=True) == shown
    assert {stream for _, stream in shown} == {row["stream"] for row in rows}


async def test_a_malformed_event_ends_no_live_feed_and_no_replay(house: Any, ada: UUID, build: Any) -> None:
    js = house.tester.jetstream()
    async with browsing(house, ada) as browser:
        await js.publish(f"execution.v1.nonsense.{ada}._", b"{not json")
        await tell(house, ada, build, 1)
        await eventually(lambda: labels(browser) == ["number 1"])
    await js.publish(f"portfolio.v1.nonsense.{ada}._", b"[]")
    await tell(house, ada, build, 2, first=2)
    async with browsing(house, ada, browser.last_id) as again:
        await eventually(lambda: labels(again) == ["number 2", "number 3"])
        assert "reconnect" not in again.names


async def test_a_message_that_only_the_server_gave_up_on_is_kept_with_its_body(house: Any, ada: UUID) -> None:
    js = house.tester.jetstream()
    acknowledged = await js.publish(f"orders.v1.place_basket_order.{ada}.{uuid4()}", b"{lost}")
    advisory = {
        "type": "io.nats.jetstream.advisory.v1.max_deliver",
        "stream": "ORDERS",
        "consumer": "execution-orders",
        "stream_seq": acknowledged.seq,
        "deliveries": 8,
    }
    subject = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.ORDERS.execution-orders"
    for _ in range(2):
        await house.tester.publish(subject, json.dumps(advisory).encode())
    await eventually(lambda: _rows(house, "select * from gateway.dead_letters", 1))
    [row] = await house.sql("select * from gateway.dead_letters")
    assert (row["body"], row["sequence"], row["consumer"]) == ("{lost}", acknowledged.seq, "execution-orders")
    assert row["subject"].startswith("orders.v1.place_basket_order.")


async def _pages(house: Any, path: str, headers: dict[str, str]) -> list[list[dict[str, Any]]]:
    """A list in parts, to its end."""
    pages: list[list[dict[str, Any]]] = []
    cursor: str | None = ""
    while cursor is not None and len(pages) < 10:
        page = (await house.http.get(f"{path}&cursor={cursor}" if cursor else path, headers=headers)).json()
        pages.append(page["items"])
        cursor = page["next_cursor"]
    return pages


async def _rows(house: Any, query: str, count: int) -> bool:
    return len(await house.sql(query)) == count


async def _is_active(house: Any, user: UUID, position_id: UUID) -> bool:
    return bool(await house.status(user, str(position_id)) == "ACTIVE")
