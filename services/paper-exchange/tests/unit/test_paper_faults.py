"""Misbehaviour on order."""

from __future__ import annotations

import asyncio
import random

import pytest

from paper_exchange.application.faults import Fault, Faults
from paper_exchange.application.milestones import Milestones
from paper_exchange.domain.refusal import Refused
from paper_exchange.inbound.control_bodies import read_fault


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
     {"kind": "reset", "outcome": "maybe"}],
)  # fmt: skip
def test_a_fault_written_wrong_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(Refused):
        read_fault(body)


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
