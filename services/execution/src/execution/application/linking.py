"""Client order ids of a deployment."""

from __future__ import annotations

from execution.domain.leg import Leg
from shared.trading.link_id import LinkId, is_ours, position_tail, run_tail
from shared.trading.status import VenueEnvironment


class Linking:
    """Makes and recognises client order ids.

    Args:
        key: Secret of the check that keeps look-alikes out; the same in keys and reconciler.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def link(self, environment: VenueEnvironment, leg: Leg, attempt: int) -> str:
        """The id of one attempt: position, run, leg and attempt, never a sequence."""
        return LinkId(
            environment=environment,
            position=position_tail(leg.position_id),
            run=run_tail(leg.run_id),
            leg=leg.number,
            attempt=attempt,
        ).encode(self._key)

    def ours(self, link_id: str) -> bool:
        """Whether this deployment made it."""
        return is_ours(link_id, self._key)
