"""Orders that need attention, of all users: read by the relay's role, to which row-level security shows no other leg."""

from __future__ import annotations

from dataclasses import fields

import sqlalchemy as sa

from gateway.domain.waiting_order import WaitingOrder
from gateway.outbound.postgres.tables import position_legs
from shared.runtime.database import Database
from shared.trading.status import LegStatus, Side


class PostgresAttention:
    """The picture's legs.

    Args:
        everybody: Of the relay's role.
    """

    def __init__(self, everybody: Database) -> None:
        self._everybody = everybody

    async def waiting(self, *, limit: int) -> list[WaitingOrder]:
        """At most so many, those of one position together."""
        async with self._everybody.transaction() as session:
            found = await session.execute(_WAITING.limit(limit))
            return [WaitingOrder(**{**row, "side": Side(row["side"])}) for row in found.mappings()]


_WAITING = (
    sa.select(*(position_legs.c[item.name] for item in fields(WaitingOrder)))
    .where(
        position_legs.c.status == LegStatus.NEEDS_ATTENTION.value,
        position_legs.c.client_order_id.is_not(None),
    )
    .order_by(position_legs.c.position_id, position_legs.c.client_order_id)
)
