"""A typed error between services: what a failed question answers."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from shared.contracts.fields import Contract
from shared.trading.errors import FAMILIES, PlatformError, Throttled, Unavailable


class Problem(Contract):
    """An error of a known family, marked by the header `problem` on the reply."""

    family: str
    code: str
    detail: str
    context: dict[str, Any] = Field(default_factory=dict)
    retry_after_s: float | None = None

    @classmethod
    def of(cls, error: PlatformError) -> Problem:
        """The problem that tells of an error."""
        retry = error.retry_after_s if isinstance(error, Throttled | Unavailable) else None
        return cls(
            family=error.family, code=error.code, detail=error.detail, context=error.context, retry_after_s=retry
        )

    def to_error(self) -> PlatformError:
        """The error to raise on the asking side; an unknown family stays an internal error."""
        kind = FAMILIES.get(self.family, PlatformError)
        if issubclass(kind, Throttled | Unavailable):
            return kind(self.detail, code=self.code, context=self.context, retry_after_s=self.retry_after_s or 1.0)
        return kind(self.detail, code=self.code, context=self.context)
