"""A secret that cannot slip out by accident: masked in every text form, never pickled, never compared in variable time."""

from __future__ import annotations

import hmac
from typing import NoReturn

MASK = "•••"


class Secret:
    """Some bytes that only `reveal` gives away, so that a search for it finds every use.

    Python cannot wipe memory for sure: keep a secret no longer than the call that needs it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    @classmethod
    def of_text(cls, text: str) -> Secret:
        """A secret that somebody typed."""
        return cls(text.encode())

    def reveal(self) -> bytes:
        """The bytes themselves."""
        return self._value

    def reveal_text(self) -> str:
        """The bytes as text."""
        return self._value.decode()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")
