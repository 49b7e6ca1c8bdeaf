"""Opens a desk for every account that needs one and has none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from uuid import UUID

import structlog

from execution.application.account_desk import AccountDesk
from execution.application.desk_tools import DeskTools
from execution.application.ports import DeskLease, FreshRun
from shared.trading.errors import Unavailable

log = structlog.get_logger(__name__)


class DeskOffice:
    """Claims accounts by lease and staffs their desks.

    Args:
        tools: What every desk works with.
        desks_max: Accounts that this process trades for at once.
        look_every_s: How often it looks for accounts that nobody serves, beside being woken.
    """

    def __init__(self, tools: DeskTools, *, desks_max: int = 500, look_every_s: float = 0.5) -> None:
        self._tools = tools
        self._desks_max = desks_max
        self._look_every_s = look_every_s
        self._desks: dict[UUID, AccountDesk] = {}
        self._taken: set[UUID] = set()
        self._bell = asyncio.Event()

    def ring(self, account_ids: Iterable[UUID]) -> None:
        """There is something to do for these accounts: their desks wake at once, missing ones are opened."""
        for account_id in account_ids:
            desk = self._desks.get(account_id)
            if desk is None:
                self._bell.set()
            else:
                desk.wake()

    def hand_over(self, fresh: FreshRun) -> None:
        """The desk of the run's account takes it as it is; a missing desk is opened and reads it."""
        desk = self._desks.get(fresh.run.account_id)
        if desk is None:
            self._bell.set()
        else:
            desk.take(fresh)

    async def run(self) -> None:
        """Staff desks until cancelled; then every lease is given back."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._bell.clear()
                for lease in await self._claim():
                    self._taken.add(lease.account.account_id)
                    group.create_task(self._staff(lease))
                await self._rest()

    async def _claim(self) -> list[DeskLease]:
        room = self._desks_max - len(self._taken)
        if room <= 0:
            return []
        try:
            leases = list(await self._tools.register.claim(self._tools.holder, limit=room, serving=self._taken))
        except Unavailable as error:
            log.warning("office_waits", reason=error.code)
            return []
        except Exception:
            # Whatever it is, the desks that trade go on; the next look finds the same accounts.
            log.exception("office_looks_again")
            return []
        return leases

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._look_every_s):
                await self._bell.wait()
        except TimeoutError:
            return

    async def _staff(self, lease: DeskLease) -> None:
        account_id = lease.account.account_id
        try:
            desk = AccountDesk(lease, self._tools)
            self._desks[account_id] = desk
            await desk.run()
        except Exception:
            # The error ends this desk, not the others; the lease is given back and the next desk recovers by asking.
            log.exception("desk_failed", account_id=str(account_id))
            await asyncio.sleep(self._look_every_s)
        finally:
            self._desks.pop(account_id, None)
            await self._give_back(lease)
            self._taken.discard(account_id)

    async def _give_back(self, lease: DeskLease) -> None:
        try:
            await self._tools.register.release(lease, self._tools.holder)
        except Exception:
            # It ends by itself; an error here must not end the other desks.
            log.exception("lease_left_to_expire", account_id=str(lease.account.account_id))
