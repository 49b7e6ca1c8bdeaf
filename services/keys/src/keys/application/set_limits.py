"""Set limits: a user their own, an operator the platform's; the signer reads them at every signature."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from keys.application.guard_ports import NOBODY, GuardBook, GuardUnit, OwnLimitsRecord, PlatformLimitsRecord
from keys.domain.audit import AuditDraft
from keys.domain.endpoints import Caller
from keys.domain.errors import GuardsChanged
from keys.domain.limits import OwnLimits, PlatformLimits, told
from shared.trading.clock import Clock
from shared.trading.status import VenueEnvironment


class SetLimits:
    """Writes limits.

    Args:
        defaults: The platform's, until an operator writes others.
    """

    def __init__(self, *, book: GuardBook, defaults: Mapping[VenueEnvironment, PlatformLimits], clock: Clock) -> None:
        self._book = book
        self._defaults = defaults
        self._clock = clock

    async def own(
        self, user_id: UUID, environment: VenueEnvironment, limits: OwnLimits, *, version: int
    ) -> OwnLimitsRecord:
        """A user sets their own; `version` is that of the limits which they have seen.

        Raises:
            LimitsRefused: They are looser than the platform's.
            GuardsChanged: They are not what the user has seen any more.
        """
        async with self._book.guards(user_id) as unit:
            await unit.lock()
            platform = await unit.platform(environment)
            limits.check(platform.limits if platform else self._defaults[environment])
            _must_be(version, (await unit.own(environment)).version)
            record = OwnLimitsRecord(limits=limits, version=version + 1)
            await unit.put_own(environment, record, self._clock.now())
            await self._audit(unit, user_id, f"{environment} {told(limits)}")
        return record

    async def platform(
        self, environment: VenueEnvironment, limits: PlatformLimits, *, version: int, by: UUID, reason: str
    ) -> PlatformLimitsRecord:
        """An operator sets the platform's.

        Raises:
            LimitsRefused: They make no sense.
            GuardsChanged: They are not what the operator has seen any more.
        """
        limits.check()
        async with self._book.guards() as unit:
            await unit.lock()
            found = await unit.platform(environment)
            _must_be(version, found.version if found else 0)
            record = PlatformLimitsRecord(
                limits=limits, version=version + 1, changed_by=by, reason=reason, changed_at=self._clock.now()
            )
            await unit.put_platform(environment, record)
            await self._audit(unit, NOBODY, f"{environment} {told(limits)} by operator {by}: {reason}")
        return record

    async def _audit(self, unit: GuardUnit, whose: UUID, why: str) -> None:
        draft = AuditDraft(
            key_id=whose,
            user_id=whose,
            at=self._clock.now(),
            actor=Caller.GATEWAY,
            action="set_limits",
            outcome="done",
            why=why,
        )
        await unit.audit(draft)


def _must_be(seen: int, version: int) -> None:
    if seen != version:
        raise GuardsChanged("The limits have changed since you read them; nothing was set.")
