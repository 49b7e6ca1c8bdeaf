"""One question, what the product assumes, and what the venue said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An answer.

    Attributes:
        name: Stable, for comparing reports.
        assumed: What the product is built on.
        said: What the venue showed, in a sentence.
        agrees: None where nothing could be concluded, or where the product assumes nothing.
        evidence: Raw facts: codes, times, figures; never a key.
    """

    name: str
    question: str
    assumed: str
    said: str
    agrees: bool | None
    evidence: list[dict[str, Any]] = field(default_factory=list)
