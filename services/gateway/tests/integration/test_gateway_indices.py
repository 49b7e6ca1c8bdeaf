from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from kit.gateway_builders import an_index

from shared.contracts.market import IndexVersionView
from shared.contracts.rpc import market_data
from shared.contracts.rpc.verb import Empty
from shared.trading.errors import Conflict, NotFound
from shared.trading.weights import InfeasibleCap

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
RULES = {"size": 3, "weighting": "cap", "max_weight": "0.4", "exclude": ["BTC"], "cash_share": "0.05"}


def own_index(version: int = 1) -> IndexVersionView:
    return an_index(version).model_copy(update={"index_id": "my-1", "owner": "custom"})


async def test_rules_are_tried_out_saved_edited_and_taken_away(house: Any, ada: UUID) -> None:
    asked: list[Any] = []

    def answer(ask: Any) -> IndexVersionView:
        asked.append(ask)
        return own_index(2 if isinstance(ask, market_data.EditIndex) else 1)

    def deleted(ask: market_data.OwnIndexRef) -> Empty:
        asked.append(ask)
        return Empty()

    for verb in (market_data.PREVIEW_INDEX, market_data.CREATE_INDEX, market_data.EDIT_INDEX):
        house.neighbours.answer(verb, answer)
    house.neighbours.answer(market_data.DELETE_INDEX, deleted)
    headers = house.headers(ada)
    shown = await house.http.post("/api/indices/preview", json={"rules": RULES}, headers=headers)
    assert shown.status_code == 200
    made = await house.http.post("/api/indices", json={"name": "Mine", "rules": RULES}, headers=headers)
    assert (made.status_code, made.headers["location"], made.headers["etag"]) == (201, "/api/indices/my-1", '"1"')
    body = {"name": "Mine", "rules": {"weighting": "fixed", "fixed_weights": [{"asset": "BTC", "weight": "1"}]}}
    edited = await house.http.put("/api/indices/my-1", json=body, headers={**headers, "If-Match": '"1"'})
    assert (edited.status_code, edited.json()["version"]) == (200, 2)
    assert (await house.http.delete("/api/indices/my-1", headers=headers)).status_code == 204
    assert {ask.user_id for ask in asked} == {ada}
    rules = asked[1].rules
    assert (rules.weighting, rules.max_weight, rules.cash_share, rules.buffer) == (
        "market_cap",
        Decimal("0.4"),
        Decimal("0.05"),
        "rank",
    )
    assert (asked[2].rules.size, asked[2].if_version) == (1, 1)


async def test_refusals_keep_their_code_and_facts(house: Any, ada: UUID) -> None:
    def infeasible(_: Any) -> IndexVersionView:
        raise InfeasibleCap("3 constituents cannot each stay at or below 0.3.", context={"rule": "N*max<1"})

    def moved(_: Any) -> IndexVersionView:
        raise Conflict("It is at version 2 by now.", code="index_changed")

    house.neighbours.answer(market_data.CREATE_INDEX, infeasible)
    house.neighbours.answer(market_data.EDIT_INDEX, moved)
    headers, body = house.headers(ada), {"name": "Mine", "rules": RULES}
    refused = await house.http.post("/api/indices", json=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "infeasible_cap")
    assert refused.json()["context"] == {"rule": "N*max<1"}
    changed = await house.http.put("/api/indices/my-1", json=body, headers={**headers, "If-Match": '"1"'})
    assert (changed.status_code, changed.json()["code"]) == (412, "index_changed")
    for wrong in (
        {"weighting": "sqrt_cap"},
        {"weighting": "fixed"},
        {"size": 3, "fixed_weights": [{"asset": "BTC", "weight": "1"}]},
        {"size": 3, "weighting": "random"},
        {"size": 101},
        {"size": 3, "surprise": 1},
    ):
        answer = await house.http.post("/api/indices/preview", json={"rules": wrong}, headers=headers)
        assert answer.status_code == 422, wrong


async def test_versions_differences_and_levels_are_asked_in_the_users_name(house: Any, ada: UUID) -> None:
    asked: list[Any] = []

    def noted(reply: Any) -> Any:
        def answer(ask: Any) -> Any:
            asked.append(ask)
            if ask.user_id != ada:
                raise NotFound("There is no such index.", code="unknown_index")
            return reply

        return answer

    head = market_data.VersionHead(version=1, as_of=NOW, reason="first", constituents=3)
    change = market_data.WeightChange(
        asset="B", symbol="BUSDT", change="left", before=Decimal("0.4"), after=None, reason="past_leave_rank"
    )
    diff = market_data.IndexDiff(
        index_id="my-1", from_version=1, to_version=2, turnover=Decimal("0.4"), changes=[change]
    )
    point = market_data.LevelPoint(at=NOW, level=Decimal("1002.5"), version=1, stale=["BUSDT"])
    house.neighbours.answer(market_data.LIST_VERSIONS, noted(market_data.VersionList(index_id="my-1", items=[head])))
    house.neighbours.answer(market_data.DIFF_INDEX, noted(diff))
    house.neighbours.answer(market_data.GET_LEVELS, noted(market_data.LevelList(index_id="my-1", items=[point])))
    paths = ("versions", "diff?from=1&to=2", "level?since=2026-11-20T11:00:00Z")
    for path in paths:
        assert (await house.http.get(f"/api/indices/my-1/{path}", headers=house.headers(ada))).status_code == 200
        stranger = await house.http.get(f"/api/indices/my-1/{path}", headers=house.headers(uuid4()))
        assert stranger.status_code == 404
    mine = [ask for ask in asked if ask.user_id == ada]
    assert (mine[1].from_version, mine[1].to_version) == (1, 2)
    assert mine[2].since == datetime(2026, 11, 20, 11, tzinfo=UTC)
    level = (await house.http.get("/api/indices/my-1/level", headers=house.headers(ada))).json()
    assert level["items"][0] == {"at": "2026-11-20T12:00:00.000Z", "level": "1002.5", "version": 1, "stale": ["BUSDT"]}
