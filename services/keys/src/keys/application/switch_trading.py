"""Throw the kill switch, and release it. It binds from its commit on: the signer reads it at every signature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from keys.application.guard_ports import NOBODY, GuardBook, GuardUnit
from keys.domain.audit import AuditDraft
from keys.domain.endpoints import Caller
from keys.domain.errors import HaltNotFound
from keys.domain.halts import Extent, Halt
from shared.trading.clock import Clock, Ids
from shared.trading.status import VenueEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltOrder:
    """What somebody wants stopped.

    Attributes:
        by: The person.
        as_operator: An operator may stop everybody, and whoever they stop cannot release it.
        user_id, symbol, environment: None stops all of them.
    """

    by: UUID
    as_operator: bool
    user_id: UUID | None
    symbol: str | None = None
    environment: VenueEnvironment | None = None
    extent: Extent = Extent.OPENING
    reason: str = ""


class SwitchTrading:
    """The kill switch."""

    def __init__(self, *, book: GuardBook, clock: Clock, ids: Ids) -> None:
        self._book = book
        self._clock = clock
        self._ids = ids

    async def halt(self, order: HaltOrder) -> Halt:
        """Throw it; thrown already, the standing one is the answer.

        Raises:
            HaltRefused: The symbol is none, or an operator's reason says nothing.
        """
        thrown = Halt(
            halt_id=self._ids.uuid(),
            user_id=order.user_id,
            symbol=order.symbol,
            environment=order.environment,
            extent=order.extent,
            reason=order.reason,
            by_operator=order.as_operator,
            raised_by=order.by,
            raised_at=self._clock.now(),
        ).checked()
        async with self._book.guards(order.user_id or NOBODY) as unit:
            await unit.lock()
            for standing in await unit.halts():
                if standing.same_as(thrown):
                    return standing
            await self._store(unit, thrown, by=order.by, action="halt", reason=order.reason)
        return thrown

    async def release(self, halt_id: UUID, *, by: UUID, reason: str) -> Halt:
        """An operator releases any halt.

        Raises:
            HaltNotFound: None of that id stands.
            HaltRefused: The reason says nothing.
        """
        found = next((one for one in await self._book.all_standing() if one.halt_id == halt_id), None)
        if found is None:
            raise HaltNotFound("There is no standing halt of that id.")
        async with self._book.guards(found.user_id or NOBODY) as unit:
            await unit.lock()
            for standing in await unit.halts():
                if standing.halt_id == halt_id:
                    return await self._released(unit, standing, by=by, reason=reason, as_operator=True)
        raise HaltNotFound("There is no standing halt of that id.")

    async def release_own(self, user_id: UUID, *, reason: str = "") -> Sequence[Halt]:
        """A user releases all that they threw themselves; what operators threw stays.

        Raises:
            HaltNotFound: They threw none.
        """
        async with self._book.guards(user_id) as unit:
            await unit.lock()
            own = [one for one in await unit.halts() if one.user_id == user_id and not one.by_operator]
            if not own:
                raise HaltNotFound("You have not stopped anything that still stands.")
            return [await self._released(unit, one, by=user_id, reason=reason, as_operator=False) for one in own]

    async def _released(self, unit: GuardUnit, halt: Halt, *, by: UUID, reason: str, as_operator: bool) -> Halt:
        gone = halt.released(self._clock.now(), by=by, reason=reason, as_operator=as_operator)
        await self._store(unit, gone, by=by, action="resume", reason=reason)
        return gone

    async def _store(self, unit: GuardUnit, halt: Halt, *, by: UUID, action: str, reason: str) -> None:
        await unit.put_halt(halt)
        await unit.audit(
            AuditDraft(
                key_id=halt.user_id or NOBODY,
                user_id=halt.user_id or NOBODY,
                at=self._clock.now(),
                actor=Caller.GATEWAY,
                action=action,
                outcome="done",
                why=f"{halt.halt_id} {_what(halt)} by {'operator' if by != halt.user_id else 'user'} {by}: {reason}",
            )
        )
        await unit.announce(halt)


def _what(halt: Halt) -> str:
    named = (halt.scope.value, halt.symbol, halt.environment, halt.extent.value)
    return " ".join(part for part in named if part)
