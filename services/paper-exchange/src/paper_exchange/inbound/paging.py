"""Parameters that every listing knows: whole numbers, times, windows, cursors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote, unquote

from paper_exchange.domain.digits import is_whole
from paper_exchange.domain.refusal import request_error
from paper_exchange.inbound.exchange_http import Request

CATEGORIES = frozenset({"spot", "linear", "inverse", "option"})
DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
INTERVALS = {"1": 1, "3": 3, "5": 5, "15": 15, "30": 30, "60": 60, "120": 120, "240": 240, "360": 360, "720": 720,
             "D": 1440, "W": 10080, "M": 43200}  # fmt: skip
"""Lengths of candles in minutes, by the venue's names."""
T = TypeVar("T")


def number(request: Request, name: str, default: int, *, lowest: int = 1, highest: int) -> int:
    """A whole number among the parameters, brought into its range.

    Raises:
        Refused: it is no number.
    """
    text = request.params.get(name, "")
    if not text:
        return default
    if not is_whole(text.removeprefix("-"), longest=15):
        raise request_error(f"params error: {name} invalid")
    return max(lowest, min(highest, int(text)))


def moment(request: Request, name: str) -> int | None:
    """A time in epoch milliseconds among the parameters.

    Raises:
        Refused: it is no number.
    """
    text = request.params.get(name, "")
    return number(request, name, 0, lowest=0, highest=10**15) if text else None


def minutes_of(request: Request) -> int:
    """The length of the candles asked for.

    Raises:
        Refused: no length of the venue.
    """
    found = INTERVALS.get(request.params.get("interval", ""))
    if found is None:
        raise request_error("params error: interval invalid")
    return found


def category(request: Request, default: str = "") -> str:
    """The product category.

    Raises:
        Refused: unknown or missing.
    """
    found = request.params.get("category", default)
    if found not in CATEGORIES:
        raise request_error("params error: category invalid")
    return found


def window(request: Request, *, now_ms: int, default_ms: int) -> tuple[int, int]:
    """The span of time a query asks for, 7 days at most.

    Raises:
        Refused: longer, or turned round.
    """
    start, end = moment(request, "startTime"), moment(request, "endTime")
    if start is None:
        start = (now_ms if end is None else end) - default_ms
    if end is None:
        end = start + default_ms
    if not 0 <= end - start <= WEEK_MS:
        raise request_error("params error: the time range must be within 7 days")
    return start, end


def cut_page(
    rows: list[T], request: Request, *, default: int, highest: int, mark: Callable[[T], str]
) -> tuple[list[T], str]:
    """One page and the cursor of the next; a cursor is url-encoded text and names the last row shown."""
    limit = number(request, "limit", default, highest=highest)
    cursor = unquote(request.params.get("cursor", ""))
    start = 0
    if cursor:
        start = next((place + 1 for place, row in enumerate(rows) if mark(row) == cursor), len(rows))
    page = rows[start : start + limit]
    more = start + limit < len(rows)
    return page, quote(mark(page[-1]), safe="") if page and more else ""
