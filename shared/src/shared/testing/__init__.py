"""Fakes, clocks, builders and patience: imported by tests alone."""

from shared.testing.clocks import FixedClock, SequentialIds
from shared.testing.patience import NeverHappened, eventually

__all__ = ["FixedClock", "NeverHappened", "SequentialIds", "eventually"]
