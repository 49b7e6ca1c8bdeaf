"""The double-entry journal: every entry sums to zero in each asset."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from execution.domain.fill import Fill
from shared.trading.money import ZERO
from shared.trading.status import Side

_LINES_OF_A_FILL = 6
"""Lines of one match at most: four, and two for a fee."""


class LedgerAccount(StrEnum):
    """Where value lies, or what it was exchanged against."""

    POSITION = "position"
    """What the position holds (base coins), or paid and received (quote)."""
    MARKET = "market"
    """The other side of a match."""
    FEES = "fees"
    """What the venue kept."""
    UNASSIGNED = "unassigned"
    """The user's own coins: no position's."""
    OUTSIDE = "outside"
    """The world beyond the account: where transfers come from and go to, and who pays interest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One line: a signed amount of one asset on one ledger account.

    Attributes:
        position_id: Whose entry it is; None for what the user or the venue did beside us.
        source: What proves it: an `execId`, the run that settled, or a flow.
    """

    user_id: UUID
    account_id: UUID
    position_id: UUID | None
    source: str
    number: int
    ledger: LedgerAccount
    asset: str
    amount: Decimal
    at: datetime


def fill_lines(fill: Fill) -> list[JournalLine]:
    """The entry of one match: base and quote change hands, the fee leaves in its own coin."""
    sign = 1 if fill.side is Side.BUY else -1
    moves = [
        (LedgerAccount.POSITION, fill.base_asset, sign * fill.quantity),
        (LedgerAccount.MARKET, fill.base_asset, -sign * fill.quantity),
        (LedgerAccount.POSITION, fill.quote_asset, -sign * fill.notional),
        (LedgerAccount.MARKET, fill.quote_asset, sign * fill.notional),
    ]
    if fill.fee:
        own = fill.fee_asset in {fill.base_asset, fill.quote_asset}
        # A fee in a third coin is paid with coins that are the user's own: no position of ours bought them for that.
        payer = LedgerAccount.POSITION if own else LedgerAccount.UNASSIGNED
        moves += [(payer, fill.fee_asset, -fill.fee), (LedgerAccount.FEES, fill.fee_asset, fill.fee)]
    return [
        JournalLine(
            user_id=fill.user_id,
            account_id=fill.account_id,
            position_id=fill.position_id,
            source=fill.exec_id,
            number=number,
            ledger=ledger,
            asset=asset,
            amount=amount,
            at=fill.at,
        )
        for number, (ledger, asset, amount) in enumerate(moves)
    ]


def beyond_lines(beyond: Fill) -> list[JournalLine]:
    """The entry that gives the part of a sale beyond the holding, with its price and fee, to the user's own coins.

    It follows the match's own entry, of which every line on the position is undone for that part.
    """
    own = [line for line in fill_lines(beyond) if line.ledger is LedgerAccount.POSITION]
    moved = [
        replace(line, ledger=ledger, amount=sign * line.amount)
        for line in own
        for ledger, sign in ((LedgerAccount.POSITION, -1), (LedgerAccount.UNASSIGNED, 1))
    ]
    return [replace(line, number=_LINES_OF_A_FILL + number) for number, line in enumerate(moved)]


def residual_lines(
    *, user_id: UUID, account_id: UUID, position_id: UUID, source: str, asset: str, quantity: Decimal, at: datetime
) -> list[JournalLine]:
    """The entry that moves an unsellable rest from the position to the user's own coins."""
    return [
        JournalLine(
            user_id=user_id,
            account_id=account_id,
            position_id=position_id,
            source=f"{source}:{asset}",
            number=number,
            ledger=ledger,
            asset=asset,
            amount=amount,
            at=at,
        )
        for number, (ledger, amount) in enumerate(
            [(LedgerAccount.POSITION, -quantity), (LedgerAccount.UNASSIGNED, quantity)]
        )
    ]


def imbalance(lines: list[JournalLine]) -> dict[str, Decimal]:
    """Assets whose lines do not sum to zero, with the sum; empty for sound books."""
    sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for line in lines:
        sums[line.asset] += line.amount
    return {asset: amount for asset, amount in sums.items() if amount}
