"""Amounts, shares and moments for reading only; calculations stay where the exact decimals are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import Any

from rich.text import Text

_CENT = Decimal("0.01")


def number(value: object) -> Decimal:
    """A decimal of an answer; zero where there is none."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)
    return found if found.is_finite() else Decimal(0)


def percent(fraction: object, digits: int = 2) -> str:
    """A fraction as a percentage."""
    return f"{number(fraction) * 100:.{digits}f} %"


def points(fraction: object, digits: int = 2) -> str:
    """A signed fraction in percentage points."""
    return f"{number(fraction) * 100:+.{digits}f}"


def money(amount: object) -> str:
    """Quote units with two digits."""
    return f"{number(amount):,.2f}"


def at_most(amount: object) -> str:
    """The most that works, rounded down to two digits and without a comma: what is named can be typed as it stands."""
    return f"{number(amount).quantize(_CENT, ROUND_FLOOR)}"


def at_least(amount: object) -> str:
    """The least that works, rounded up to two digits, to be typed as it stands."""
    return f"{number(amount).quantize(_CENT, ROUND_CEILING)}"


def few(amount: object, digits: int = 4) -> str:
    """An amount with few significant digits, never with an exponent."""
    value = number(amount)
    if not value:
        return "0"
    rounded = value.quantize(Decimal(1).scaleb(value.adjusted() + 1 - digits))
    return f"{rounded.normalize():f}"


def worth(pnl: Mapping[str, Any]) -> Decimal:
    """What a position is worth: the value of its coins, and its own cash."""
    return number(pnl.get("value")) + number(pnl.get("cash"))


def unvalued(position: Mapping[str, Any]) -> bool:
    """Whether a position is sold, and its newest valuation is still one of before: it is worth nothing now."""
    return position.get("status") == "CLOSED" and worth(position.get("pnl") or {}) != 0


def gain(amount: object, cost: object = None, *, digits: int = 2) -> Text:
    """A profit with sign, arrow and share of its cost; colour says nothing that the sign does not."""
    profit, paid = number(amount), number(cost)
    share = f" ({profit / paid * 100:+.2f} %)" if paid else ""
    mark = "▲" if profit > 0 else "▼" if profit < 0 else "·"
    return Text(f"{mark} {profit:+,.{digits}f}{share}", style="green" if profit >= 0 else "red")


def short(name: object) -> str:
    """The beginning of an id, enough to type."""
    return str(name)[:8]


def clock_time(moment: object) -> str:
    """Time of day in UTC."""
    try:
        return datetime.fromisoformat(str(moment)).astimezone(UTC).strftime("%H:%M:%S")
    except ValueError:
        return "–"
