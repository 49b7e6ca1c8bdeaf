"""One signature's unit of work, on the driver itself (ADR 11): every order waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from keys.application.signing_ports import SignedPast, SigningState
from keys.domain.allowance import CountDown
from keys.domain.audit import AuditDraft, AuditSeal
from keys.domain.endpoints import Bucket
from keys.domain.guards import Reservation, Spent
from keys.domain.orders import OrderTerms
from keys.domain.rate_window import RateWindow
from keys.outbound.postgres import signing_rows
from keys.outbound.postgres.audit_trail import EMPTY, Head
from shared.runtime.unit import Unit


class PostgresSigningUnit:
    """The port `SigningUnit`."""

    def __init__(self, unit: Unit, seal: AuditSeal) -> None:
        self._unit = unit
        self._seal = seal
        self._head: Head = EMPTY

    async def signing_state(self, key_id: UUID, bucket: Bucket) -> SigningState | None:
        """What one call needs, with the key locked until this unit ends."""
        found = await signing_rows.read_state(self._unit, key_id, bucket)
        if found is None:
            return None
        state, self._head = found
        return state

    async def signed_past(self, key_id: UUID, orders: Sequence[OrderTerms]) -> SignedPast:
        """Approvals and earlier signatures that concern these orders."""
        return await signing_rows.read_past(self._unit, key_id, orders)

    async def record(
        self,
        state: SigningState,
        bucket: Bucket,
        window: RateWindow,
        counted: CountDown,
        draft: AuditDraft | None,
        reservation: Reservation | None = None,
    ) -> Spent | None:
        """Store what a call cost, and its audit, in one statement; the state was read in this unit.

        Returns:
            The sum under which the reservation does not fit: then nothing of this unit may be kept.
        """
        entry = None
        if draft is not None:
            entry = self._seal.entry(draft, seq=self._head.seq + 1, previous=self._head.seal)
            self._head = Head(entry.seq, entry.seal)
        return await signing_rows.write(self._unit, state, bucket, window, counted, entry, reservation)
