"""Which refusals are written down: the first of its kind in a minute, so that nobody can fill the audit by asking."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from uuid import UUID

from keys.domain.audit import AuditDraft
from shared.trading.clock import Clock

EVERY_S = 60.0


@dataclass(slots=True)
class _Kind:
    """One kind of refusal: since when it is quiet, and how many were not written down since."""

    since_s: float
    unwritten: int = 0


class Refusals:
    """Thins out refusals by key, asker, action and reason.

    In memory, for each replica: a restart only lets one more through.
    """

    _MOST = 10_000

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[tuple[UUID, str, str, str], _Kind] = OrderedDict()

    def worth_writing(self, draft: AuditDraft) -> AuditDraft | None:
        """The record to write, telling how many like it were left out before; None within a minute of the last."""
        kind = (draft.key_id, str(draft.actor), draft.action, draft.outcome)
        now_s = self._clock.monotonic()
        known = self._known.get(kind)
        if known is not None and now_s - known.since_s < EVERY_S:
            known.unwritten += 1
            return None
        self._known[kind] = _Kind(since_s=now_s)
        self._known.move_to_end(kind)
        if len(self._known) > self._MOST:
            self._known.popitem(last=False)
        if known is None or not known.unwritten:
            return draft
        return replace(draft, why=f"{draft.why} (and {known.unwritten} more since the last record)")
