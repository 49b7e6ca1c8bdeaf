"""Text that can be kept: PostgreSQL stores no NUL, and half of a surrogate pair is no character."""

from __future__ import annotations

from typing import Any

UNSTORABLE = "This holds a NUL or half of a surrogate pair; it cannot be kept."


class UnstorableText(ValueError):
    """Some text of a document cannot be kept.

    Attributes:
        inside: The way to it from the document's root, name by name; empty when a name on it cannot be told.
    """

    def __init__(self, inside: tuple[str, ...]) -> None:
        super().__init__(UNSTORABLE)
        self.inside = inside


def storable(text: str) -> bool:
    """Whether a text can be kept and told as it is."""
    try:
        return b"\x00" not in text.encode()
    except UnicodeEncodeError:
        return False


def must_be_storable(document: Any) -> Any:
    """A JSON document, when all its text can be kept; without recursion, since its depth is the sender's choice.

    Raises:
        UnstorableText: Some of it cannot; names where, and not what.
    """
    waiting: list[tuple[tuple[str, ...], Any]] = [((), document)]
    while waiting:
        inside, part = waiting.pop()
        if isinstance(part, dict):
            waiting += [(inside, name) for name in part]
            waiting += [((*inside, name), value) for name, value in part.items()]
        elif isinstance(part, list):
            waiting += [((*inside, str(number)), value) for number, value in enumerate(part)]
        elif isinstance(part, str) and not storable(part):
            raise UnstorableText(inside if all(storable(name) for name in inside) else ())
    return document


def kept_text(text: str) -> str:
    """A text that can be kept.

    Raises:
        ValueError: It cannot.
    """
    if not storable(text):
        raise ValueError(UNSTORABLE)
    return text


def readable_name(text: str) -> str:
    """A name that people can read.

    Raises:
        ValueError: Blank, or with characters that cannot be seen.
    """
    if not text.strip() or not text.isprintable():
        raise ValueError("A name is made of printable characters, at least one of them visible.")
    return text
