"""Reads the answer to a batch: each leg's success or failure stands in `retExtInfo.list`, not in `retCode`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.runtime.bybit.calls import Call, RawReply
from shared.runtime.bybit.judgement import UnparsableError, envelope, failure, leg_code, parse_row, unparsable
from shared.runtime.bybit.orders import LimitOrder
from shared.runtime.bybit.outcomes import Accepted, NotOpen, NotSent, Outcome, Unknown
from shared.runtime.bybit.replies import BatchReply, LegOutcome, OrderAck


def read_batch(call: Call, raw: RawReply, orders: Sequence[LimitOrder], now_ms: int) -> Outcome[BatchReply]:
    """One outcome per order; when the lists do not fit the request, nothing is known about any leg."""
    outer = envelope(call, raw, now_ms)
    if not isinstance(outer, Accepted):
        return outer
    try:
        acks = _entries(outer.reply.get("result"), len(orders))
        notes = _entries(outer.reply.get("retExtInfo"), len(orders))
    except UnparsableError as error:
        return unparsable(call, error)
    legs = tuple(
        _leg(call, raw, order, ack, note, now_ms) for order, ack, note in zip(orders, acks, notes, strict=True)
    )
    return Accepted(timestamp_ms=call.timestamp_ms, recv_window_ms=call.recv_window_ms, reply=BatchReply(legs=legs))


def _entries(holder: Any, count: int) -> list[Any]:
    entries = holder.get("list") if isinstance(holder, Mapping) else None
    if not isinstance(entries, list) or len(entries) != count:
        raise UnparsableError("the lists of the batch do not fit the request")
    return entries


def _leg(call: Call, raw: RawReply, order: LimitOrder, ack: Any, note: Any, now_ms: int) -> LegOutcome:
    try:
        code, message = leg_code(note)
        if code == 0:
            reply = _own_ack(ack, order)
            return Accepted(timestamp_ms=call.timestamp_ms, recv_window_ms=call.recv_window_ms, reply=reply)
    except UnparsableError as error:
        return unparsable(call, error)
    outcome = failure(call, code=code, message=message, headers=raw.headers, now_ms=now_ms)
    if isinstance(outcome, NotOpen | NotSent):  # neither can be said of an order that was sent to be created
        return Unknown(timestamp_ms=call.timestamp_ms, recv_window_ms=call.recv_window_ms, reason=f"code_{code}")
    return outcome


def _own_ack(ack: Any, order: LimitOrder) -> OrderAck:
    reply = parse_row(OrderAck, ack)
    if reply.order_link_id not in {"", order.client_order_id}:
        raise UnparsableError("the leg names another order")
    return reply
