"""Fakes, clocks, builders and patience: imported by tests alone."""

from shared.testing.clocks import FakeClock, FakeIds
from shared.testing.patience import NeverHappened, eventually

__all__ = ["FakeClock", "FakeIds", "NeverHappened", "eventually"]
