"""Lanes: who goes first when the venue's limits are scarce."""

from __future__ import annotations

from enum import StrEnum


class Lane(StrEnum):
    """Priority of a private call, highest first."""

    CANCEL_QUERY = "cancel_query"
    UNWIND = "unwind"
    BUY = "buy"
    POLL = "poll"

    @property
    def rank(self) -> int:
        """0 goes first."""
        return _RANK[self]

    def at_most(self, highest: Lane) -> Lane:
        """This lane, or `highest` when this one would jump the queue."""
        return self if self.rank >= highest.rank else highest


_RANK = {lane: rank for rank, lane in enumerate(Lane)}
