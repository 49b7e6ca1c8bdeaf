"""Whole numbers as text: the digits 0 to 9 and nothing else, since `²` is a digit too, and no number."""

from __future__ import annotations


def is_whole(text: str, *, longest: int) -> bool:
    """Whether a text is a whole number without a sign, of at most so many digits."""
    return len(text) <= longest and text.isascii() and text.isdigit()
