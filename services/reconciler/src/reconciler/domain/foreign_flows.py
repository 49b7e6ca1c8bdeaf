"""What the user, or the venue by itself, did on an account beside our orders: for the books, on the user's own coins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal

from reconciler.domain.findings import Flow, Handover
from reconciler.domain.venue import VenueExecution, VenueLine
from shared.trading.flow import FlowKind, flow_kind, line_flow, pair_of, trade_flow
from shared.trading.money import exact_product
from shared.trading.status import BreakClass, Side

AT_ONCE = 500
"""Flows in one hand-over; the rest follows when these are booked."""

_CLASSES = {
    FlowKind.TRANSFER_IN: BreakClass.D5,
    FlowKind.TRANSFER_OUT: BreakClass.D5,
    FlowKind.FORCED: BreakClass.D13,
}


def class_of(venue_type: str) -> BreakClass:
    """What a line of the transaction log is when it touches coins of positions."""
    return _CLASSES.get(flow_kind(venue_type), BreakClass.D9)


def coins_of(trade: VenueExecution) -> Iterator[tuple[str, str, Decimal]]:
    """What a match did to each coin of its pair: a subject of its own, the coin, the signed units before fees."""
    base, quote = pair_of(trade.symbol) or (trade.symbol, "")
    sign = 1 if trade.side is Side.BUY else -1
    yield trade.exec_id, base, sign * trade.quantity
    if quote:
        yield f"{trade.exec_id}:{quote}", quote, -sign * exact_product(trade.price, trade.quantity)


def flows_of(trades: Iterable[VenueExecution], lines: Iterable[VenueLine]) -> list[Flow]:
    """Everything that moved coins, oldest first.

    Args:
        trades: Matches of orders that were not ours.
        lines: Of the transaction log, without spot trades.
    """
    found = [Flow(flow_id=trade_flow(row.exec_id), break_class=BreakClass.D4, at=row.at) for row in trades]
    found += [
        Flow(flow_id=line_flow(line.id), break_class=class_of(line.type), at=line.at) for line in lines if line.change
    ]
    return sorted(found, key=lambda flow: (flow.at, flow.flow_id))


def handover_of(flows: Iterable[Flow], unbooked: Collection[str]) -> Handover | None:
    """What execution shall book of them; None when our books have them all."""
    wanted = [flow for flow in flows if flow.flow_id in unbooked][:AT_ONCE]
    return Handover(break_class=wanted[0].break_class, flows=tuple(wanted)) if wanted else None
