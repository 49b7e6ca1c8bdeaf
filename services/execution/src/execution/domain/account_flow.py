"""A movement of coins on a venue account that no order of ours made: it touches the user's own coins, no position."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from execution.domain.journal import JournalLine, LedgerAccount
from execution.domain.venue_facts import ExecutionFact
from shared.trading.flow import FlowKind, flow_kind, line_flow, pair_of, trade_flow
from shared.trading.money import ZERO, exact_product
from shared.trading.status import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFlow:
    """One movement; `flow_id` is unique per account.

    Attributes:
        venue_type: The venue's own word for it.
        asset: What moved; of a trade the base coin.
        amount: Signed units of `asset`: positive came in.
        counter_asset: Of a trade, the quote coin.
        counter_amount: Signed units of it.
        price: Of a trade, quote per base.
    """

    account_id: UUID
    flow_id: str
    user_id: UUID
    kind: FlowKind
    venue_type: str
    asset: str
    amount: Decimal
    symbol: str | None = None
    price: Decimal | None = None
    counter_asset: str | None = None
    counter_amount: Decimal = ZERO
    fee: Decimal = ZERO
    fee_asset: str | None = None
    at: datetime
    booked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line of the venue's transaction log that is no spot trade; `change` in signed units of `asset`."""

    line_id: str
    venue_type: str
    asset: str
    change: Decimal
    at: datetime


def flow_of_match(match: ExecutionFact, *, user_id: UUID, account_id: UUID, booked_at: datetime) -> AccountFlow | None:
    """The flow of a match that was not ours; None for a pair whose coins are not known."""
    pair = pair_of(match.symbol)
    if pair is None:
        return None
    base, quote = pair
    sign = 1 if match.side is Side.BUY else -1
    return AccountFlow(
        account_id=account_id,
        flow_id=trade_flow(match.exec_id),
        user_id=user_id,
        kind=FlowKind.TRADE,
        venue_type="Trade",
        asset=base,
        amount=sign * match.quantity,
        symbol=match.symbol,
        price=match.price,
        counter_asset=quote,
        counter_amount=-sign * exact_product(match.price, match.quantity),
        fee=match.fee,
        fee_asset=match.fee_asset or (base if match.side is Side.BUY else quote),
        at=match.at,
        booked_at=booked_at,
    )


def flow_of_line(line: LogLine, *, user_id: UUID, account_id: UUID, booked_at: datetime) -> AccountFlow:
    """The flow of a line of the transaction log; its fee is in the change already."""
    return AccountFlow(
        account_id=account_id,
        flow_id=line_flow(line.line_id),
        user_id=user_id,
        kind=flow_kind(line.venue_type),
        venue_type=line.venue_type,
        asset=line.asset,
        amount=line.change,
        at=line.at,
        booked_at=booked_at,
    )


def flow_lines(flow: AccountFlow) -> list[JournalLine]:
    """The entry of a flow: the user's own coins against the market, or against the world outside the account."""
    other = LedgerAccount.MARKET if flow.kind is FlowKind.TRADE else LedgerAccount.OUTSIDE
    moves = [(LedgerAccount.UNASSIGNED, flow.asset, flow.amount), (other, flow.asset, -flow.amount)]
    if flow.counter_asset:
        moves += [
            (LedgerAccount.UNASSIGNED, flow.counter_asset, flow.counter_amount),
            (other, flow.counter_asset, -flow.counter_amount),
        ]
    if flow.fee and flow.fee_asset:
        moves += [
            (LedgerAccount.UNASSIGNED, flow.fee_asset, -flow.fee),
            (LedgerAccount.FEES, flow.fee_asset, flow.fee),
        ]
    return [
        JournalLine(
            user_id=flow.user_id,
            account_id=flow.account_id,
            position_id=None,
            source=flow.flow_id,
            number=number,
            ledger=ledger,
            asset=asset,
            amount=amount,
            at=flow.at,
        )
        for number, (ledger, asset, amount) in enumerate(moves)
    ]
