"""How long is a client order id taken? After a fill, after a cancel, while it rests, and after a day (second run)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from basketry_local.conformance.desk import ConformanceDesk, NotPossibleError
from basketry_local.conformance.findings import Finding
from basketry_local.conformance.memory import Memory, UsedId
from basketry_local.conformance.probe import Answer
from shared.runtime.bybit.classification import ReplyClass

A_DAY = timedelta(hours=24)
ASSUMED = "refused as a duplicate: the order exists, it is queried and adopted"


async def after_a_fill(desk: ConformanceDesk, link_id: str) -> Finding:
    """An id whose order is filled, used again."""
    return await _used_again(desk, link_id, name="link_id_after_fill", state="a filled order's id")


async def after_a_cancel(desk: ConformanceDesk) -> tuple[Finding, str]:
    """An id whose order ended without a match, used again; and that id."""
    body = await desk.far_buy()
    link_id = str(body["orderLinkId"])
    first = await desk.create(body)
    if not first.accepted:
        raise NotPossibleError(f"an order far from the market was not taken: {first.code} {first.text}")
    await desk.finished(link_id)
    finding = await _used_again(desk, link_id, name="link_id_after_cancel", state="a cancelled order's id")
    return finding, link_id


async def while_it_rests(desk: ConformanceDesk) -> tuple[Finding, Finding, str]:
    """An id whose order rests, used again; then the order is cancelled, twice; and that id."""
    body = await desk.far_buy("GTC")
    link_id = str(body["orderLinkId"])
    first = await desk.create(body)
    if not first.accepted:
        raise NotPossibleError(f"an order far from the market was not taken: {first.code} {first.text}")
    try:
        resting = await _used_again(desk, link_id, name="link_id_while_open", state="a resting order's id")
    finally:
        cancelled = await desk.cancel(link_id)
    final = await desk.finished(link_id)
    again = await desk.cancel(link_id)
    return resting, _cancelling(cancelled, final, again), link_id


async def after_a_day(desk: ConformanceDesk, memory: Memory, now: datetime) -> list[Finding]:
    """Ids of an earlier run, used again once they are a day old; remembered for the run after that too."""
    # The oldest of each kind: the longer ago, the more an answer says.
    old = {used.ended: used for used in sorted(memory.used, key=lambda one: one.at, reverse=True) if _aged(used, now)}
    if not old:
        ready = min((used.at for used in memory.used), default=now) + A_DAY
        return [
            Finding(
                name="link_id_after_a_day",
                question="Is a client order id still taken after a day?",
                assumed=ASSUMED,
                said=f"Not asked yet: run this again after {ready.astimezone(UTC):%Y-%m-%d %H:%M} UTC.",
                agrees=None,
            )
        ]
    return [
        await _used_again(
            desk,
            used.link_id,
            name=f"link_id_after_a_day_{used.ended.replace(' ', '_')}",
            state=f"the id of an order {used.ended} {(now - used.at).total_seconds() / 3600:.0f} hours ago",
        )
        for used in old.values()
    ]


def remembered(link_id: str, ended: str) -> UsedId:
    """An id for a later run."""
    return UsedId(link_id=link_id, ended=ended, at=datetime.fromtimestamp(time.time(), UTC))


def _aged(used: UsedId, now: datetime) -> bool:
    return now - used.at >= A_DAY


async def _used_again(desk: ConformanceDesk, link_id: str, *, name: str, state: str) -> Finding:
    # Too low to fill: should the id be free after all, nothing is bought.
    answer = await desk.create({**await desk.far_buy(), "orderLinkId": link_id})
    refused = answer.reply_class is ReplyClass.DUPLICATE
    if answer.accepted:
        await desk.finished(link_id)
    return Finding(
        name=name,
        question=f"Is {state} refused when it is used again?",
        assumed=ASSUMED,
        said=_said(answer, refused=refused),
        agrees=refused if answer.code is not None else None,
        evidence=[answer.told()],
    )


def _said(answer: Answer, *, refused: bool) -> str:
    if refused:
        return f"Refused as a duplicate ({answer.code} {answer.text})."
    if answer.accepted:
        return "Taken again: only our own evidence keeps an order from being placed twice."
    return f"Neither taken nor refused as a duplicate: {answer.code} {answer.text} ({answer.reply_class})."


def _cancelling(cancelled: Answer, final: dict[str, Any], again: Answer) -> Finding:
    status = str(final.get("orderStatus"))
    agrees = cancelled.accepted and status == "Cancelled" and again.reply_class is ReplyClass.NOT_OPEN
    return Finding(
        name="cancel",
        question="Does a resting order end as cancelled, and is a second cancel answered with “not open”?",
        assumed="accepted, status Cancelled, then a code of the class not_open",
        said=f"First {cancelled.code} {cancelled.text}, status {status}, then {again.code} {again.text}",
        agrees=agrees,
        evidence=[cancelled.told(), {"status": status, "cancel_type": final.get("cancelType")}, again.told()],
    )
