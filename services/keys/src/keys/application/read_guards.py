"""What the guards are now: for the user, for operators, and for whoever makes a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal
from uuid import UUID

from keys.application.guard_ports import GuardBook, OwnLimitsRecord, PlatformLimitsRecord
from keys.domain.guards import PLATFORM, Spent, account_scope, slot_of, user_scope
from keys.domain.halts import Halt
from keys.domain.limits import Limits, PlatformLimits
from shared.trading.clock import Clock
from shared.trading.money import ZERO
from shared.trading.status import VenueEnvironment


@dataclass(frozen=True, slots=True)
class Room:
    """One sum and its cap, quote units."""

    name: Literal["hour", "day", "total_hour", "total_day"]
    most: Decimal
    already: Decimal

    @property
    def left(self) -> Decimal:
        """What may still be opened under it."""
        return max(self.most - self.already, ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardsNow:
    """The guards of one user in one environment.

    Attributes:
        limits: What binds: the stricter of both, one by one.
        spent: By this user.
        total: By all users.
        halts: Standing ones of this user and of everybody, oldest first.
        account: By the venue account that was asked about, whoever held it.
    """

    environment: VenueEnvironment
    own: OwnLimitsRecord
    platform: PlatformLimitsRecord
    limits: Limits
    spent: Spent
    total: Spent
    halts: tuple[Halt, ...]
    account: Spent | None = None

    def tightest(self) -> Room:
        """The sum that leaves least to be opened."""
        mine, all_users = self.limits, self.platform.limits
        rooms = [
            Room("hour", mine.hour_max, self.spent.hour),
            Room("day", mine.day_max, self.spent.day),
            Room("total_hour", all_users.total_hour_max, self.total.hour),
            Room("total_day", all_users.total_day_max, self.total.day),
        ]
        if self.account is not None:
            rooms += [Room("hour", mine.hour_max, self.account.hour), Room("day", mine.day_max, self.account.day)]
        return min(rooms, key=lambda room: room.left)


class ReadGuards:
    """Reads guards.

    Args:
        defaults: The platform's limits, until an operator writes others.
    """

    def __init__(self, *, book: GuardBook, defaults: Mapping[VenueEnvironment, PlatformLimits], clock: Clock) -> None:
        self._book = book
        self._defaults = defaults
        self._clock = clock

    async def of(self, user_id: UUID, environment: VenueEnvironment, *, account_hash: bytes | None = None) -> GuardsNow:
        """A user's; with the sum of one of their venue accounts where it is named."""
        mine, slot = user_scope(user_id), slot_of(self._clock.now())
        account = None if account_hash is None else account_scope(account_hash)
        async with self._book.guards(user_id) as unit:
            own = await unit.own(environment)
            platform = await unit.platform(environment)
            halts = await unit.halts()
            spent = await unit.spent(environment, [mine, PLATFORM, *([account] if account else [])], slot=slot)
        platform = platform or PlatformLimitsRecord(limits=self._defaults[environment])
        return GuardsNow(
            environment=environment,
            own=own,
            platform=platform,
            limits=own.limits.within(platform.limits),
            spent=spent.get(mine, Spent(scope=mine)),
            total=spent.get(PLATFORM, Spent(scope=PLATFORM)),
            halts=tuple(halt for halt in halts if halt.environment in {None, environment}),
            account=None if account is None else spent.get(account, Spent(scope=account)),
        )

    async def platform(self) -> Mapping[VenueEnvironment, PlatformLimitsRecord]:
        """The platform's limits, by environment."""
        async with self._book.guards() as unit:
            written = {environment: await unit.platform(environment) for environment in VenueEnvironment}
        return {
            environment: written[environment] or PlatformLimitsRecord(limits=default)
            for environment, default in self._defaults.items()
        }

    async def standing(self) -> Sequence[Halt]:
        """Every standing halt of everybody, oldest first: for operators."""
        return await self._book.all_standing()
