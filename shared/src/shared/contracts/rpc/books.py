"""Questions to execution about its books: positions, accounts, and which of the venue's matches they hold."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from pydantic import Field

from shared.contracts.execution import FillView, PositionView
from shared.contracts.fields import Contract, DecimalText, Moment
from shared.contracts.rpc.verb import RpcVerb
from shared.trading.status import PositionStatus, VenueEnvironment


class PositionRef(Contract):
    """One position of a user."""

    user_id: UUID
    position_id: UUID


class PositionDetail(Contract):
    """A position with its fills, oldest first."""

    position: PositionView
    fills: list[FillView]


class ListAccounts(Contract):
    """Accounts with something to reconcile, after a cursor."""

    after: UUID | None = None
    limit: int = 500


class AccountRef(Contract):
    """A venue account and its owner."""

    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment


class AccountList(Contract):
    """Accounts, sorted by id."""

    items: list[AccountRef]


class GetBooks(Contract):
    """Our books of one account."""

    user_id: UUID
    account_id: UUID


class BookedHolding(Contract):
    """One coin of one position in our books."""

    asset: str
    symbol: str
    quantity: DecimalText
    cost: DecimalText
    realised: DecimalText
    target_weight: DecimalText


class BookedPosition(Contract):
    """One position in our books; amounts in quote units."""

    position_id: UUID
    status: PositionStatus
    index_id: str
    version: int
    invested: DecimalText
    proceeds: DecimalText
    fees: DecimalText
    """Fees so far at fill-time value."""
    contributed: DecimalText = Decimal(0)
    """Quote units that came in from the account's free money so far; while a buy trades, all that it may spend."""
    withdrawn: DecimalText = Decimal(0)
    """Quote units that went back to the account's free money so far."""
    cash: DecimalText = Decimal(0)
    """The position's own quote money: contributed - withdrawn + proceeds - invested."""
    holdings: list[BookedHolding]
    traded_at: Moment
    """Of the last fill or state change."""


class OpenOrder(Contract):
    """An attempt that is not terminal."""

    client_order_id: str
    position_id: UUID
    symbol: str
    state: str
    since: Moment


class BookedShortage(Contract):
    """Units of a coin that positions hold and the account did not when it was last looked at."""

    asset: str
    quantity: DecimalText


class Books(Contract):
    """Everything our books say about one venue account."""

    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    positions: list[BookedPosition]
    open_orders: list[OpenOrder]
    first_trade_at: Moment | None = None
    shortages: list[BookedShortage] = Field(default_factory=list)


class KnownExecutions(Contract):
    """Which of these matches are not in our books?"""

    user_id: UUID
    account_id: UUID
    exec_ids: list[str]
    flow_ids: list[str] = Field(default_factory=list)
    """Of what was not ours: which of these are not booked?"""


class MissingExecutions(Contract):
    """The ones we do not have."""

    exec_ids: list[str]
    flow_ids: list[str] = Field(default_factory=list)


GET_POSITION = RpcVerb("execution", "get_position", PositionRef, PositionDetail, callers=("gateway",))
LIST_ACCOUNTS = RpcVerb("execution", "list_accounts", ListAccounts, AccountList, callers=("reconciler",))
GET_BOOKS = RpcVerb("execution", "get_books", GetBooks, Books, callers=("reconciler",))
MISSING_EXECUTIONS = RpcVerb(
    "execution", "missing_executions", KnownExecutions, MissingExecutions, callers=("reconciler",)
)
VERBS = (GET_POSITION, LIST_ACCOUNTS, GET_BOOKS, MISSING_EXECUTIONS)
