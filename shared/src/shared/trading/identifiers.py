"""Identifiers are types, so that a leg is never taken for a run."""

from __future__ import annotations

from typing import NewType
from uuid import UUID

UserId = NewType("UserId", UUID)
