"""Text that can be kept: PostgreSQL stores no NUL, and half of a surrogate pair is no character."""

from __future__ import annotations

from typing import Any


def storable(text: str) -> bool:
    """Whether a text can be kept and told as it is."""
    try:
        return b"\x00" not in text.encode()
    except UnicodeEncodeError:
        return False


def must_be_storable(document: Any) -> Any:
    """A JSON document, when all its text can be kept; without recursion, since its depth is the sender's choice.

    Raises:
        ValueError: Some of it cannot; names where, and not what.
    """
    waiting = [("", document)]
    while waiting:
        where, part = waiting.pop()
        if isinstance(part, dict):
            waiting += [(where, name) for name in part]
            waiting += [(f"{where}/{name}", value) for name, value in part.items()]
        elif isinstance(part, list):
            waiting += [(f"{where}/{number}", value) for number, value in enumerate(part)]
        elif isinstance(part, str) and not storable(part):
            told = where if storable(where) else ""
            raise ValueError(f"The text at #{told} holds a NUL or half of a surrogate pair; it cannot be kept.")
    return document


def kept_text(text: str) -> str:
    """A text that can be kept.

    Raises:
        ValueError: It cannot.
    """
    if not storable(text):
        raise ValueError("This holds a NUL or half of a surrogate pair; it cannot be kept.")
    return text


def readable_name(text: str) -> str:
    """A name that people can read.

    Raises:
        ValueError: Blank, or with characters that cannot be seen.
    """
    if not text.strip() or not text.isprintable():
        raise ValueError("A name is made of printable characters, at least one of them visible.")
    return text
