"""Shares as people type them, as the exact text that the API takes."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from basketry_cli.problems import Wish


def fraction(share: str) -> str:
    """`30%` and `0.3` are the same part of a whole.

    Raises:
        Wish: it is neither, or not between nothing and all.
    """
    found = _number(share.removesuffix("%")) / (100 if share.endswith("%") else 1)
    if not (found.is_finite() and 0 <= found <= 1):
        raise Wish(f"{share!r} is no share: write 30% or 0.3")
    return f"{found.normalize():f}"


def percentage(percent: str, *, least: str = "", most: str = "") -> str:
    """`5` and `5%` are both five percent, of which there may be more than a hundred.

    Args:
        percent: As typed.
        least: In percent, where there is a bound.
        most: Likewise.

    Raises:
        Wish: it is no number above zero, or beyond a bound.
    """
    found = _number(percent.removesuffix("%")) / 100
    if not (found.is_finite() and found > 0):
        raise Wish(f"{percent!r} is no number of percent above zero, such as 5")
    if (least and found * 100 < Decimal(least)) or (most and found * 100 > Decimal(most)):
        raise Wish(f"{percent!r} must be from {least} to {most} percent", do=f"write a number from {least} to {most}.")
    return f"{found.normalize():f}"


def _number(words: str) -> Decimal:
    try:
        return Decimal(words.strip())
    except InvalidOperation:
        return Decimal("NaN")
