"""Misbehaviour on order."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from pathlib import Path
from typing import get_args

import pytest

from paper_exchange.application.fault_kinds import KINDS, table
from paper_exchange.application.faults import Fault, Faults, Kind
from paper_exchange.application.milestones import Milestones
from paper_exchange.domain.refusal import Unreadable
from paper_exchange.inbound.fault_body import read_fault

CREATE, INFO = "/v5/order/create", "/v5/account/info"
PATHS = {CREATE, "/v5/order/create-batch", "/v5/order/realtime", "/v5/order/history", INFO, "/v5/market/time",
         "/v5/market/orderbook", "/v5/private", "/v5/trade", "/v5/public/spot"}  # fmt: skip


def faults() -> Faults:
    return Faults(random.Random(1))


def test_a_fault_strikes_its_path_and_account_so_often_and_no_more() -> None:
    board = faults()
    board.add(Fault(kind="lost_reply", path="/v5/order/create", uid="7", count=2))
    assert board.treat("/v5/order/cancel", "7").fault is None
    assert board.treat("/v5/order/create", "8").fault is None
    struck = [board.treat("/v5/order/create", "7").fault for _ in range(3)]
    assert [fault.kind if fault else None for fault in struck] == ["lost_reply", "lost_reply", None]
    assert not board.all()


def test_latency_adds_up_beside_another_fault() -> None:
    board = Faults(random.Random(1), latency_ms=10)
    board.add(Fault(kind="latency", path="/v5/order/*", latency_ms=80))
    board.add(Fault(kind="ret_code", path="/v5/order/create"))
    treatment = board.treat("/v5/order/create", "7")
    assert treatment.delay_s == pytest.approx(0.09)
    assert treatment.fault is not None
    assert board.treat("/v5/account/info", "7").delay_s == pytest.approx(0.01)


def test_jitter_lengthens_each_call_by_another_amount_within_its_bound() -> None:
    board = faults()
    board.add(Fault(kind="latency", latency_ms=100, jitter_ms=50))
    delays = [round(board.treat("/v5/account/info", "7").delay_s * 1000) for _ in range(200)]
    assert (min(delays), max(delays)) == (100, 150)
    assert len(set(delays)) > 40


def test_healing_takes_one_or_all() -> None:
    board = faults()
    first = board.add(Fault(kind="latency", latency_ms=5))
    board.add(Fault(kind="silent_stream", uid="7"))
    assert board.stream_silent("7")
    assert board.remove(first.fault_id) == 1
    assert board.remove() == 1
    assert not board.stream_silent("7")


@pytest.mark.parametrize(
    "body",
    [{"kind": "nonsense"}, {"kind": "latency", "latency": 5}, {"latency_ms": -1}, {"latency_ms": "5"}, {"count": 0},
     {"kind": "reset", "outcome": "maybe"}, {"kind": ["latency"]}, {"kind": "latency", "path": 5},
     {"kind": "lost_reply", "outcome": "not"}, {"kind": "lost_request", "ret_code": 10016},
     {"kind": "malformed_json", "variant": "nan"}, {"kind": "rejected_later", "variant": "EC_Nonsense"},
     {"kind": "rejected_later", "path": "/v5/order/create"}, {"kind": "match_delay", "path": CREATE},
     {"kind": "wiped_live_view", "count": 1}, {"kind": "visibility_lag", "latency_ms": 5, "count": 2},
     {"kind": "visibility_lag", "path": "/v5/account/info"}, {"kind": "silent_stream", "path": "/v5/trade"},
     {"kind": "silent_stream", "path": CREATE}, {"kind": "silent_stream", "count": 2},
     {"kind": "stream_latency", "path": "/v5/public/spot"}, {"kind": "lost_frames", "path": "/v5/public/spot"},
     {"kind": "leg_ret_code", "path": CREATE}, {"kind": "crossed_book"}, {"kind": "crossed_book", "path": CREATE},
     {"kind": "crossed_book", "path": "/v5/public/*", "count": 1}, {"kind": "error_500", "path": "/v5/nowhere"},
     {"kind": "error_500", "path": "/v5/market/time", "uid": "7"}, {"kind": "link_ids_forgotten", "path": INFO},
     {"kind": "error_500", "path": "/v5/private", "count": 1}],
)  # fmt: skip
def test_a_fault_that_could_not_do_what_it_says_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        read_fault(body, PATHS)


@pytest.mark.parametrize(
    "body",
    [{}, {"kind": "crossed_book", "path": "/v5/market/*", "count": 1}, {"kind": "lost_frames", "count": 1, "uid": "7"},
     {"kind": "silent_stream", "path": "/v5/public/spot"}, {"kind": "leg_ret_code", "path": "/v5/order/*"},
     {"kind": "visibility_lag", "path": "/v5/order/history", "latency_ms": 5}, {"kind": "error_500", "count": 2},
     {"kind": "ip_ban", "path": "/v5/public/*"}, {"kind": "rejected_later", "count": 1, "uid": "7", "for_ms": 5}],
)  # fmt: skip
def test_a_fault_that_can_is_taken(body: dict[str, object]) -> None:
    fault = read_fault(body, PATHS)
    assert {name: getattr(fault, name) for name in body} == body


def test_every_kind_has_its_row_and_the_page_tells_the_same() -> None:
    assert set(KINDS) == set(get_args(Kind))
    fields = {field.name for field in dataclasses.fields(Fault)}
    assert {field for kind in KINDS.values() for field in kind.fields} <= fields
    assert all(("variant" in kind.fields) == bool(kind.variants) for kind in KINDS.values())
    page = (Path(__file__).parents[2] / "FAULTS.md").read_text(encoding="utf-8")
    assert "\n".join(table()) in page


@pytest.mark.parametrize("kind", ["error_500", "ip_ban"])
def test_an_outage_shuts_sockets_and_a_fault_of_some_calls_does_not(kind: Kind) -> None:
    board = faults()
    board.add(Fault(kind=kind, uid="7"))
    assert board.shut("/v5/private", "7") is not None
    assert board.shut("/v5/private", "8") is None
    assert board.shut("/v5/trade") is None
    board.add(Fault(kind=kind, path="/v5/public/*"))
    assert board.shut("/v5/public/spot") is not None
    board.remove()
    for fault in (
        Fault(kind=kind, count=3),
        Fault(kind=kind, path=CREATE),
        Fault(kind="error_500", outcome="executed"),
    ):
        board.add(fault)
    assert board.shut("/v5/private", "7") is None
    board.remove()
    board.add(Fault(kind=kind))
    assert [path for path in ("/v5/private", "/v5/trade", "/v5/public/spot") if board.shut(path)] == [
        "/v5/private", "/v5/trade",
    ]  # fmt: skip


def test_a_rejection_is_counted() -> None:
    board = faults()
    board.add(Fault(kind="rejected_later", uid="7", count=1, variant="EC_ReachMaxTradeNum"))
    assert [board.rejection(uid) for uid in ("8", "7", "7")] == ["", "EC_ReachMaxTradeNum", ""]


async def test_waiting_ends_when_it_happened_or_the_time_is_up() -> None:
    milestones = Milestones()
    milestones.reached("7", "order_received")
    assert await milestones.wait("7", "order_received", 1, timeout_s=0.01)
    assert not await milestones.wait("7", "order_received", 2, timeout_s=0.01)
    waiting = asyncio.create_task(milestones.wait("7", "order_received", 3, timeout_s=5))
    await asyncio.sleep(0)
    milestones.reached("8", "order_received")
    milestones.reached("7", "order_received")
    milestones.reached("7", "order_received")
    assert await waiting
