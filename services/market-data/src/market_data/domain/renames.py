"""Coins that go by another name at the venue now: a reason to stop and look, never to buy the successor unseen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from market_data.domain.coin import SourceCoin
from market_data.domain.reviewed import ReviewedCoin


class How(StrEnum):
    """What happened to a coin."""

    RENAMED = "renamed"
    """The same coin, one to one."""
    MERGED = "merged"
    """Exchanged for a coin that existed already."""
    REDENOMINATED = "redenominated"
    """The same coin at another ratio: old quantities and prices mean something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """One row.

    Attributes:
        old: The venue's base coin that is gone.
        new: The base coin where it went.
    """

    old: str
    new: str
    how: How

    @property
    def reason(self) -> str:
        """Why the old coin is in no index, such as `renamed:POL`."""
        return f"{self.how}:{self.new}"


Renames = Mapping[str, Rename]
"""By the old base coin."""


def rename_of(coin: SourceCoin, reviewed: ReviewedCoin, renames: Renames) -> Rename | None:
    """The rename that concerns a reviewed coin: by the venue's name, or by its ticker where no pair is known."""
    return renames.get(reviewed.base or coin.symbol)
