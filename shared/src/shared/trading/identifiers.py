"""Identifiers are types, so that a leg is never taken for a run."""

from __future__ import annotations

from typing import NewType
from uuid import UUID

UserId = NewType("UserId", UUID)
KeyId = NewType("KeyId", UUID)
"""A stored venue key; also names the venue account it opens, so the API calls it `account_id`."""
PositionId = NewType("PositionId", UUID)
PlanId = NewType("PlanId", UUID)
"""A plan; the run that executes it carries the same id, since a plan is executed at most once."""
LegId = NewType("LegId", UUID)
AttemptId = NewType("AttemptId", UUID)
