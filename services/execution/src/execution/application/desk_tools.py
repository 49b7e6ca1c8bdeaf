"""What every desk works with, and why one ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from execution.application.book_ports import Books
from execution.application.bookkeeping import Bookkeeper
from execution.application.ports import Account, AccountStreams, DeskRegister
from execution.application.purse import Purse
from execution.application.resolve_unknown import ResolveUnknown
from execution.application.send_orders import SendOrders
from execution.application.trade_run import TradeRun


class DeskLostError(Exception):
    """Somebody else holds the lease."""


class DeskClosedError(Exception):
    """Nothing to do for this account any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskTools:
    """What every desk works with.

    Attributes:
        holder: Name of this process among all that could trade.
        renew_every_s: Well below the lease's length.
    """

    books: Books
    bookkeeper: Bookkeeper
    purse: Callable[[Account], Purse]
    trade_run: TradeRun
    send_orders: SendOrders
    resolve: ResolveUnknown
    streams: AccountStreams
    register: DeskRegister
    holder: str
    renew_every_s: float = 1.5
