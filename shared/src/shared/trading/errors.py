"""The error families: each decides how HTTP and messages react, at the edges only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class PlatformError(Exception):
    """The root of every error Basketry raises on purpose.

    Args:
        detail: One sentence for a person: what happened, what it means for their money, what to do.
        code: Stable machine-readable name, unique across the platform; defaults to the class's own.
        context: Extra facts for the reader (amounts as strings); never a secret.
    """

    family: ClassVar[str] = "internal"
    code: str = "internal_error"
    title: str = "Something went wrong on our side"

    def __init__(self, detail: str = "", *, code: str | None = None, context: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.code = code or type(self).code
        self.context: dict[str, Any] = dict(context or {})


class Invalid(PlatformError):
    """The request can never succeed as it stands."""

    family = "invalid"
    code = "invalid"
    title = "The request is not valid"


class NotFound(PlatformError):
    """There is no such thing, or it belongs to somebody else: the two look alike on purpose."""

    family = "not_found"
    code = "not_found"
    title = "Not found"


class Denied(PlatformError):
    """The caller may not do this; `code` starting with `token` or `credentials` means 401, else 403."""

    family = "denied"
    code = "denied"
    title = "Not allowed"


class Conflict(PlatformError):
    """The state has moved on: expired or changed by somebody else."""

    family = "conflict"
    code = "conflict"
    title = "The state has changed"


class Throttled(PlatformError):
    """Too many calls; try again after `retry_after_s`."""

    family = "throttled"
    code = "throttled"
    title = "Too many requests"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        context: Mapping[str, Any] | None = None,
        retry_after_s: float = 1.0,
    ) -> None:
        super().__init__(detail, code=code, context=context)
        self.retry_after_s = retry_after_s


class Unavailable(PlatformError):
    """A part is away; nothing was done; try again after `retry_after_s`."""

    family = "unavailable"
    code = "unavailable"
    title = "Temporarily unavailable"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        context: Mapping[str, Any] | None = None,
        retry_after_s: float = 1.0,
    ) -> None:
        super().__init__(detail, code=code, context=context)
        self.retry_after_s = retry_after_s


class OutcomeUnknown(PlatformError):
    """Sent, but no answer: never to be read as "not done", never to be sent again blindly."""

    family = "outcome_unknown"
    code = "outcome_unknown"
    title = "Sent, the outcome is not known yet"


FAMILIES: dict[str, type[PlatformError]] = {
    kind.family: kind
    for kind in (PlatformError, Invalid, NotFound, Denied, Conflict, Throttled, Unavailable, OutcomeUnknown)
}
