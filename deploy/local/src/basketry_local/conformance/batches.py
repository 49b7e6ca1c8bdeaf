"""A batch with one good and one bad order: does each leg have its own answer?"""

from __future__ import annotations

from typing import Any

from basketry_local.conformance.desk import ConformanceDesk, fresh_link_id
from basketry_local.conformance.findings import Finding
from shared.runtime.bybit.classification import ReplyClass, classify

QUESTION = "Does each order of a batch have its own code, in the order given?"
ASSUMED = "retCode 0, then a code per leg in retExtInfo.list: 0 for the good one, a refusal for the bad one"


async def batch_finding(desk: ConformanceDesk) -> Finding:
    """Two orders too low to fill, the second of a coin that does not exist."""
    good = await desk.far_buy()
    bad = {**good, "symbol": "NOSUCHCOINUSDT", "orderLinkId": fresh_link_id()}
    legs = [{name: value for name, value in body.items() if name != "category"} for body in (good, bad)]
    answer = await desk.probe.post("/v5/order/create-batch", {"category": "spot", "request": legs})
    codes = [leg.get("code") for leg in answer.legs]
    if answer.accepted and codes[:1] == [0]:
        await desk.finished(str(good["orderLinkId"]))
    return Finding(
        name="batch",
        question=QUESTION,
        assumed=ASSUMED,
        said=f"{answer.code} {answer.text}; legs {codes}.",
        agrees=answer.accepted and _fits(codes, answer.rows, good),
        evidence=[{**answer.told(), "legs": list(answer.legs)}],
    )


def not_asked() -> Finding:
    """Where the venue has no spot batches."""
    return Finding(
        name="batch", question=QUESTION, assumed="no spot batches here", said="Not asked.", agrees=None, evidence=[]
    )


def _fits(codes: list[Any], rows: list[dict[str, Any]], good: dict[str, Any]) -> bool:
    return (
        len(codes) == len(rows) == 2
        and codes[0] == 0
        and isinstance(codes[1], int)
        and classify(codes[1]) is ReplyClass.REFUSED
        and rows[0].get("orderLinkId") == good["orderLinkId"]
        and not rows[1].get("orderId")
    )
