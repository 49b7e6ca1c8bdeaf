"""Work handed out over the TASKS stream."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import Field

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
    """The reconciler found something at the venue that our books lack: execution re-queries and books it."""

    user_id: UUID
    account_id: UUID
    environment: VenueEnvironment
    client_order_ids: list[str]
    exec_ids: list[str]
    break_class: Literal["D1", "D2", "D3", "D4", "D5", "D8", "D9", "D10", "D13"]
    flow_ids: list[str] = Field(default_factory=list)
    """What the user or the venue did beside us: matches that are not ours, lines of the transaction log."""
    since: Moment | None = None
    """When the oldest of these flows happened."""
    assets: list[str] = Field(default_factory=list)
    """Coins of which the venue's balance is to be compared with what positions hold together."""
