"""No position waits for ever: about one that execution never mentioned, execution is asked."""

from __future__ import annotations

from datetime import timedelta

import structlog

from gateway.application.ports import PositionAuthority, WaitingPosition, WaitingPositions
from shared.trading.clock import Clock, Ids
from shared.trading.errors import PlatformError

ORDER_NOT_TAKEN = "order_not_taken"
AT_ONCE = 100
log = structlog.get_logger(__name__)


class SweepWaiting:
    """Looks at the oldest positions that are still PENDING.

    Args:
        patience_s: From acceptance on; longer than an order may be signed, so that whoever finds the command later
            trades nothing any more.
    """

    def __init__(
        self, *, positions: WaitingPositions, authority: PositionAuthority, clock: Clock, ids: Ids, patience_s: float
    ) -> None:
        self._positions = positions
        self._authority = authority
        self._clock = clock
        self._ids = ids
        self._patience = timedelta(seconds=patience_s)

    async def __call__(self) -> int:
        """One sweep; how many positions do not wait any more. Without an answer of execution nothing changes."""
        settled = 0
        for waiting in await self._positions.older_than(self._clock.now() - self._patience, limit=AT_ONCE):
            try:
                settled += await self._settle(waiting)
            except PlatformError as error:
                log.warning("waiting_position_not_settled", position_id=str(waiting.position_id), code=error.code)
        return settled

    async def _settle(self, waiting: WaitingPosition) -> bool:
        found = await self._authority.position(waiting)
        if found is not None:
            await self._positions.paint(found)
            log.info("waiting_position_found", position_id=str(waiting.position_id))
            return True
        failed = await self._positions.fail(
            waiting, reason=ORDER_NOT_TAKEN, at=self._clock.now(), line=self._ids.uuid()
        )
        if failed:
            log.warning("order_not_taken", position_id=str(waiting.position_id))
        return failed
