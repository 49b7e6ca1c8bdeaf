"""Performance, portfolio and exports at the door."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from gateway.inbound.http.exports import FillRow, LotRow, OrderRow
from gateway.outbound.postgres.export_reader import PostgresExports
from shared.contracts import execution
from shared.contracts.rpc import reconciler
from shared.testing import eventually
from shared.trading.status import Side, VenueEnvironment

pytestmark = pytest.mark.integration
ZERO = Decimal(0)


def a_performance(position_id: UUID) -> reconciler.Performance:
    slippage = reconciler.SlippageView(cost=ZERO, traded=ZERO, unmeasured=ZERO)
    figures = dict.fromkeys(("value", "cost", "realised", "unrealised", "pnl", "fees", "paid_in", "taken_out"), ZERO)
    return reconciler.Performance(
        position_id=position_id,
        environment=VenueEnvironment.PAPER,
        totals=reconciler.TotalsView(**figures, slippage=slippage),
        returns=reconciler.ReturnsView(max_drawdown=ZERO, time_weighted=Decimal("0.1")),
        benchmarks=reconciler.BenchmarksView(),
        contributions=[],
        flows=[],
        points=[],
    )


async def bought(house: Any, user: UUID, build: Any, exec_ids: tuple[str, ...] = ("e-1",)) -> str:
    accepted = await house.bought(user)
    view = build.position(user, accepted, version=2)
    leg = view.legs[0].model_copy(update={"arrival_price": Decimal(100_000)})
    view = view.model_copy(update={"legs": [leg]})
    await house.say(execution.PositionActive(position=view), user=user, about=view.position_id, version=2)
    fills = execution.FillsBooked(
        user_id=user,
        account_id=view.account_id,
        position_id=view.position_id,
        fills=[build.fill(accepted, exec_id) for exec_id in exec_ids],
    )
    await house.say(fills, user=user, about=view.position_id, version=3)

    async def painted() -> bool:
        answer = await house.http.get(f"/api/positions/{view.position_id}", headers=house.headers(user))
        return len(answer.json()["fills"]) == len(exec_ids)

    await eventually(painted)
    return str(view.position_id)


async def test_a_positions_performance_is_asked_for_its_owner_and_range(house: Any, ada: UUID, build: Any) -> None:
    position = await bought(house, ada, build)
    asked: list[reconciler.GetPerformance] = []

    def answer(ask: reconciler.GetPerformance) -> reconciler.Performance:
        asked.append(ask)
        return a_performance(ask.position_id)

    house.neighbours.answer(reconciler.GET_PERFORMANCE, answer)
    path = f"/api/positions/{position}/performance"
    found = await house.http.get(path, headers=house.headers(ada))
    assert (found.status_code, found.json()["returns"]["time_weighted"]) == (200, "0.1")
    await house.http.get(path, params={"range": "7d"}, headers=house.headers(ada))
    assert [(ask.user_id, str(ask.position_id)) for ask in asked] == [(ada, position)] * 2
    assert asked[0].since is None
    assert asked[1].since is not None
    assert abs(datetime.now(UTC) - timedelta(days=7) - asked[1].since) < timedelta(minutes=1)
    wrong = await house.http.get(path, params={"range": "7 days"}, headers=house.headers(ada))
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "?range")
    assert (await house.http.get(path)).status_code == 401


async def test_before_anything_was_bought_there_are_no_figures(house: Any, ada: UUID, bob: UUID) -> None:
    position = (await house.bought(ada))["position_id"]
    path = f"/api/positions/{position}/performance"
    found = await house.http.get(path, headers=house.headers(ada))
    assert (found.status_code, found.json()["totals"], found.json()["points"]) == (200, None, [])
    for who, where in ((bob, path), (ada, f"/api/positions/{uuid4()}/performance")):
        missing = await house.http.get(where, headers=house.headers(who))
        assert (missing.status_code, missing.json()["code"]) == (404, "position_not_found")
    assert (await house.http.get("/api/positions/x/performance", headers=house.headers(ada))).status_code == 422


async def test_a_portfolio_is_a_picture_per_environment(house: Any, ada: UUID) -> None:
    one = a_performance(uuid4())
    assert one.totals is not None
    pictures = [
        reconciler.EnvironmentPortfolio(
            environment=environment,
            positions=1,
            open_positions=1,
            totals=one.totals,
            gain=ZERO,
            returns=one.returns,
            points=[],
        )
        for environment in (VenueEnvironment.DEMO, VenueEnvironment.PAPER)
    ]
    house.neighbours.answer(reconciler.GET_PORTFOLIO, lambda _: reconciler.Portfolio(environments=pictures))
    found = (await house.http.get("/api/portfolio", headers=house.headers(ada))).json()
    assert [picture["environment"] for picture in found["environments"]] == ["demo", "paper"]
    assert set(found) == {"environments"}, "no figure of both"
    assert (
        await house.http.get("/api/portfolio", params={"range": "1h"}, headers=house.headers(ada))
    ).status_code == 422


async def test_without_the_reconciler_results_say_so(open_house: Any, ada: UUID) -> None:
    house = await open_house(away=("reconciler",))
    answer = await house.http.get("/api/portfolio", headers=house.headers(ada))
    assert (answer.status_code, answer.json()["code"]) == (503, "reconciler_unavailable")


async def test_orders_fills_and_lots_leave_as_tables(house: Any, ada: UUID, bob: UUID, build: Any) -> None:
    position = await bought(house, ada, build, ("=e-1", "e-2"))
    tables = {}
    for name, row in (("orders", OrderRow), ("fills", FillRow), ("lots", LotRow)):
        answer = await house.http.get(f"/api/export/{name}", headers=house.headers(ada))
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/csv")
        assert answer.headers["content-disposition"] == f'attachment; filename="basketry-{name}.csv"'
        assert answer.text.split("\r\n")[0] == ",".join(row.model_fields)
        tables[name] = list(csv.DictReader(io.StringIO(answer.text, newline="")))
        as_json = await house.http.get(f"/api/export/{name}", params={"format": "json"}, headers=house.headers(ada))
        assert [row.model_validate(one) for one in as_json.json()]
        assert (await house.http.get(f"/api/export/{name}", headers=house.headers(bob))).text.count("\r\n") == 1
        theirs = await house.http.get(
            f"/api/export/{name}", params={"position_id": position}, headers=house.headers(bob)
        )
        assert (theirs.status_code, theirs.json()["code"]) == (404, "position_not_found")
        wrong = await house.http.get(f"/api/export/{name}", params={"format": "xls"}, headers=house.headers(ada))
        assert wrong.status_code == 422
    assert [row["slippage"] for row in tables["orders"]] == ["0.00025"]
    assert [row["exec_id"] for row in tables["fills"]] == ["'=e-1", "e-2"], "no formula"
    assert [row["kind"] for row in tables["lots"]] == ["buy", "buy"]
    assert Decimal(tables["lots"][-1]["quantity_after"]) == 2 * (Decimal("0.0025") - Decimal("0.0000025"))
    assert (await house.http.get("/api/export/orders")).status_code == 401
    assert (await house.http.get("/api/export/everything", headers=house.headers(ada))).status_code == 404


async def test_lots_follow_what_left_without_a_sale(house: Any, ada: UUID, bob: UUID, build: Any) -> None:
    """The books count the changes of a coin; neither the order of arrival nor the venue's time matters."""
    accepted = await house.bought(ada)
    view = build.position(ada, accepted, version=2)
    await house.say(execution.PositionActive(position=view), user=ada, about=view.position_id, version=2)
    facts = {"user_id": ada, "account_id": view.account_id, "position_id": view.position_id}
    at = datetime.now(UTC)
    taken = execution.ReleaseView(
        asset="BTC", symbol="BTCUSDT", quantity=Decimal("0.001"), why="withdrawn", at=at, entry=2
    )
    rest = taken.model_copy(update={"quantity": Decimal("0.000495"), "why": "residual", "entry": 4})
    bought, sold = (build.fill(accepted, exec_id) for exec_id in ("z-1", "a-3"))
    bought = bought.model_copy(update={"entry": 1, "fee": Decimal("0.000005")})
    sold = sold.model_copy(
        update={"entry": 3, "side": Side.SELL, "quantity": Decimal("0.001"), "fee": Decimal(0), "at": bought.at}
    )
    await house.say(
        execution.CoinsReleased(**facts, releases=[rest, taken]), user=ada, about=view.position_id, version=1
    )
    await house.say(execution.FillsBooked(**facts, fills=[sold, bought]), user=ada, about=view.position_id, version=3)
    query = {"format": "json", "position_id": str(view.position_id)}

    async def painted() -> Any:
        found = (await house.http.get("/api/export/lots", params=query, headers=house.headers(ada))).json()
        assert len(found) == 4
        return found

    lots = await eventually(painted)
    assert [(lot["kind"], lot["quantity"], lot["quantity_after"]) for lot in lots] == [
        ("buy", "0.002495", "0.002495"),
        ("withdrawn", "-0.001", "0.001495"),
        ("sell", "-0.001", "0.000495"),
        ("moved_out", "-0.000495", "0"),
    ]
    pages = PostgresExports(house.gateway.database, page=1)
    found = [type(one).__name__ async for one in pages.changes(ada, position_id=None)]
    assert found == ["ExportedFill", "ExportedRelease", "ExportedFill", "ExportedRelease"]
    assert [one async for one in pages.changes(bob, position_id=None)] == []


async def test_pages_of_an_export_join_without_a_gap(house: Any, ada: UUID, build: Any) -> None:
    position = await bought(house, ada, build, tuple(f"e-{number:02}" for number in range(23)))
    pages = PostgresExports(house.gateway.database, page=5)
    for table in (pages.fills, pages.changes):
        found = [fill.exec_id async for fill in table(ada, position_id=UUID(position))]  # type: ignore[union-attr]
        assert sorted(found) == [f"e-{number:02}" for number in range(23)]
        assert len(found) == 23
