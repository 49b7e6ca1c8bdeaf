"""Work handed out over the TASKS stream."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from shared.contracts.fields import EventData, Moment
from shared.trading.status import VenueEnvironment


class ReconcileAllPositions(EventData):
    """The five-minute tick, `*/5`; its message id is derived from the slot so that two tickers make one tick."""

    slot: Moment


class ReconcileAccount(EventData):
    """Compare one venue account with our books."""

    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    reason: Literal["tick", "execution", "start"]
    slot: Moment


class BookVenueRecord(EventData):
    """The reconciler found something of ours at the venue: execution re-queries and books it."""

    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    client_order_ids: list[str]
    exec_ids: list[str]
    break_class: Literal["D1", "D2", "D3"]
