"""The share per address, leased in blocks from one row per second, so that replicas never spend more together."""

from __future__ import annotations

import asyncio

from keys.domain.egress import BLOCK, PER_SLOT, SLOT_MS, EgressSlot, share_of, until_next_slot_ms
from keys.domain.lane import Lane
from shared.runtime.database import Database
from shared.trading.clock import Clock, epoch_ms

_KEPT_SLOTS = 60
_LEASE = """
    insert into keys.egress_slots as held (slot, leased) values ($1, $2)
    on conflict (slot) do update set leased = held.leased + excluded.leased
    where held.leased + excluded.leased <= $3
    returning leased
"""
_TIDY = "delete from keys.egress_slots where slot < $1"


class SharedEgress:
    """Spends leased tokens from memory and leases a block when they are gone.

    Slots are seconds of this machine's clock: replicas with clocks apart could fill two slots at once, which the 30 %
    that nobody spends covers for a skew of a second.

    Args:
        per_slot: Requests per second of all replicas together.
    """

    def __init__(self, database: Database, clock: Clock, *, per_slot: int = PER_SLOT) -> None:
        self._database = database
        self._clock = clock
        self._per_slot = per_slot
        self._held = EgressSlot()
        self._one_at_a_time = asyncio.Lock()

    def spend(self, lane: Lane) -> bool:
        """Take one request from the leased block; False when it is spent, or its second over."""
        return self._held.take(lane, self._now_ms())

    async def refill(self, lane: Lane) -> int:
        """Lease a block; the wait in ms, 0 when there is something to spend."""
        async with self._one_at_a_time:
            if self._held.holds(lane, self._now_ms()):
                return 0
            slot = self._now_ms() // SLOT_MS
            got = await self._lease(lane, slot)
            now_ms = self._now_ms()
            if not got:
                return until_next_slot_ms(now_ms)
            self._held.put(lane, got, now_ms, slot=slot)
            return 0

    async def _lease(self, lane: Lane, slot: int) -> int:
        share = share_of(lane, per_slot=self._per_slot)
        async with self._database.unit() as unit:  # every order waits for it
            if slot % _KEPT_SLOTS == 0:
                await unit.connection.execute(_TIDY, slot - _KEPT_SLOTS)
            # A whole block where it fits, the last tokens of the slot one by one.
            for block in (min(BLOCK, share), 1):
                if await unit.connection.fetchval(_LEASE, slot, block, share) is not None:
                    return block
        return 0

    def _now_ms(self) -> int:
        return epoch_ms(self._clock.now())
