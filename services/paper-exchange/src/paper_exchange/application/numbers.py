"""The venue's 19-digit numbers: they grow with time, and none is given twice."""

from __future__ import annotations

from paper_exchange.domain.ledger import Ledger

ID_EPOCH_MS = 1_288_834_974_657
"""Makes 19-digit ids that grow with time, like the recorded ones."""


def last_moment_ms(last_id: int) -> int:
    """When the newest id was given, epoch milliseconds; 0 when none was."""
    moment = last_id >> 22
    return moment + ID_EPOCH_MS if moment else 0


class Numbers:
    """Gives numbers of orders, executions and transfers.

    Args:
        ledger: Knows the highest number that the journal tells of.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._last = 0

    @property
    def last(self) -> int:
        """The highest number given, also before a restart."""
        return max(self._ledger.last_id, self._last)

    def next(self, now_ms: int) -> int:
        """An even 19-digit number, above every one ever given."""
        last = self.last
        self._last = max(last + 2 - last % 2, (now_ms - ID_EPOCH_MS) << 22)
        return self._last
