"""Check the audit: whether each key's chain still is what was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from keys.domain.audit import AuditEntry, AuditSeal
from keys.domain.errors import AuditBroken, KeyNotFound


@dataclass(frozen=True, slots=True)
class ChainOwner:
    """A key and the user whose rows its chain is in."""

    key_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True)
class CheckedChain:
    """What was found.

    Attributes:
        records: How many the chain has; of a broken one how many are good.
        head: The last record's seal: compared with a copy kept elsewhere it shows that a tail was cut off.
        fault: Why the chain is broken; None when it is not.
    """

    key_id: UUID
    records: int
    head: bytes = b""
    fault: str | None = None


class AuditChains(Protocol):
    """The stored audit."""

    async def owners(self) -> Sequence[ChainOwner]:
        """Every key that holds a venue account, and every other chain of their users."""

    async def chain(self, owner: ChainOwner) -> Sequence[AuditEntry]:
        """A key's records in order."""


class VerifyAudit:
    """Checks chain after chain; a broken one does not keep the others from being checked."""

    def __init__(self, *, chains: AuditChains, seal: AuditSeal) -> None:
        self._chains = chains
        self._seal = seal

    async def execute(self, key_id: UUID | None = None) -> Sequence[CheckedChain]:
        """Check one key's chain, or all.

        Raises:
            KeyNotFound: No key of that id is known.
        """
        owners = [one for one in await self._chains.owners() if key_id in {None, one.key_id}]
        if key_id is not None and not owners:
            raise KeyNotFound("There is no audit of a key of that id.")
        return [self._checked(one.key_id, await self._chains.chain(one)) for one in owners]

    def _checked(self, key_id: UUID, entries: Sequence[AuditEntry]) -> CheckedChain:
        try:
            records = self._seal.verify(entries)
        except AuditBroken as broken:
            return CheckedChain(key_id, records=broken.context["seq"] - 1, fault=broken.detail)
        if not records:
            return CheckedChain(key_id, records=0, fault=f"The audit of key {key_id} has no record at all.")
        return CheckedChain(key_id, records=records, head=entries[-1].seal)
