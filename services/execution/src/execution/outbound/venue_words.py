"""The venue's rows and outcomes in our words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from execution.domain.account_flow import LogLine
from execution.domain.attempt import Attempt
from execution.domain.price_band import PRICE_LIMIT
from execution.domain.venue_facts import ExecutionFact, OrderFact, Reply, ReplyKind, Standing
from shared.runtime.bybit.orders import LimitOrder
from shared.runtime.bybit.outcomes import Accepted, Duplicate, NotSent, RateLimited, Refused, Unknown
from shared.runtime.bybit.replies import ExecutionRow, OrderRow, OrderStatus, TransactionRow
from shared.trading.clock import epoch_ms, from_epoch_ms
from shared.trading.errors import PlatformError, Throttled, Unavailable

TRADE = "Trade"
TOO_LATE = 10002
"""The timestamp is outside the receive window."""
LATE_ROUNDS_MAX = 5
PRICE_LIMITS = frozenset({30208, 30209, 170132, 170133, 170193, 170194, 170371, 170372})
"""The price is beyond the venue's own limits (Bybit v5 guide, 6.7)."""
SIGNED_TOO_LATE = "signature_too_late"
"""Keys gives no signature after the moment that the request names."""
_STANDING = {
    OrderStatus.FILLED: Standing.FILLED,
    OrderStatus.CANCELLED: Standing.CANCELLED,
    OrderStatus.PARTIALLY_FILLED_CANCELED: Standing.CANCELLED,
    OrderStatus.DEACTIVATED: Standing.CANCELLED,
    OrderStatus.REJECTED: Standing.REJECTED,
}


def limit_order(attempt: Attempt) -> LimitOrder:
    """The order of an attempt: the same fields at every send."""
    return LimitOrder(
        client_order_id=attempt.link_id,
        symbol=attempt.symbol,
        side=attempt.side,
        quantity=attempt.quantity,
        price=attempt.limit_price,
    )


def order_fact(row: OrderRow) -> OrderFact:
    """An order as the venue shows it; a status that is not final leaves it open."""
    return OrderFact(
        link_id=row.order_link_id,
        venue_order_id=row.order_id,
        symbol=row.symbol,
        side=row.side,
        standing=_STANDING.get(row.status, Standing.OPEN),
        quantity=row.quantity,
        price=row.price,
        filled_quantity=row.filled_quantity,
        reason=_reason(row),
    )


def _reason(row: OrderRow) -> str:
    return "" if row.reject_reason in {"", "EC_NoError"} else row.reject_reason


def execution_fact(row: ExecutionRow) -> ExecutionFact:
    """A match as the venue shows it."""
    return ExecutionFact(
        exec_id=row.exec_id,
        link_id=row.order_link_id,
        venue_order_id=row.order_id,
        symbol=row.symbol,
        side=row.side,
        price=row.price,
        quantity=row.quantity,
        fee=row.fee,
        fee_asset=row.fee_asset,
        at=from_epoch_ms(row.time_ms),
    )


def log_line(row: TransactionRow) -> LogLine:
    """A line of the transaction log."""
    return LogLine(
        line_id=row.id, venue_type=row.type, asset=row.currency, change=row.change, at=from_epoch_ms(row.time_ms)
    )


def reply(outcome: Any, now: datetime) -> Reply:
    """What the outcome of a send proves; whatever is not certain is UNKNOWN."""
    match outcome:
        case Accepted(reply=ack):
            return Reply(kind=ReplyKind.ACCEPTED, venue_order_id=ack.order_id)
        case RateLimited(reset_ms=reset_ms, message=message):
            wait_s = max(reset_ms - epoch_ms(now), 0) / 1000
            return Reply(kind=ReplyKind.NOT_NOW, reason=message, retry_after_s=max(wait_s, 0.05))
        case NotSent(error=error):
            return _not_sent(error)
        case Refused():
            return _refused(outcome)
        case Duplicate(code=code, message=message):
            return Reply(kind=ReplyKind.DUPLICATE, reason=f"venue_{code}: {message}")
        case _:
            why = outcome.reason if isinstance(outcome, Unknown) else type(outcome).__name__
            return Reply(kind=ReplyKind.UNKNOWN, reason=why)


def _refused(outcome: Refused) -> Reply:
    reason = f"venue_{outcome.code}: {outcome.message}"
    if outcome.code in PRICE_LIMITS:
        reason = f"{PRICE_LIMIT}: the venue takes no order at this price now: {outcome.message} ({outcome.code})"
    if outcome.code != TOO_LATE:
        return Reply(kind=ReplyKind.REFUSED, reason=reason)
    # The request was too long on its way: certainly not placed, and a fresh signature may reach it in time.
    # A clock that is wrong stays wrong, hence a few times only.
    return Reply(kind=ReplyKind.NOT_NOW, reason=reason, retry_after_s=0.05, rounds_max=LATE_ROUNDS_MAX)


def _not_sent(error: PlatformError) -> Reply:
    if error.code == SIGNED_TOO_LATE:
        # We were held up: whether it may still go is for the books to say.
        return Reply(kind=ReplyKind.NOT_NOW, reason=error.code, retry_after_s=0.05, rounds_max=LATE_ROUNDS_MAX)
    if isinstance(error, Throttled | Unavailable):
        # Only for now: the same id and body may go later.
        return Reply(kind=ReplyKind.NOT_NOW, reason=error.code, retry_after_s=error.retry_after_s)
    return Reply(kind=ReplyKind.NOT_SENT, reason=f"not_signed: {error.code}")
