"""Reads a list of the venue page by page, to the end or to a typed failure; a part is never taken for the whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import BaseModel

from shared.runtime.bybit.calls import Call, RawReply
from shared.runtime.bybit.judgement import UnparsableError, envelope, parse_row, unparsable
from shared.runtime.bybit.outcomes import Accepted, NotSent, Outcome, Unknown

Row = TypeVar("Row", bound=BaseModel)
Fetch = Callable[[str | None], Awaitable[tuple[Call, RawReply | Unknown | NotSent]]]
"""Asks for the page after a cursor."""

MAX_PAGES = 400
"""Bound of one listing: 20,000 rows at 50 a page."""


async def read_pages(
    fetch: Fetch, model: type[Row], now_ms: Callable[[], int], *, max_pages: int = MAX_PAGES
) -> Outcome[tuple[Row, ...]]:
    """All rows of a listing.

    The venue may send a cursor with the last page, so the end is an empty page or an empty or repeated cursor.
    """
    rows: list[Row] = []
    cursor: str | None = None
    for _ in range(max_pages):
        call, answer = await fetch(cursor)
        if not isinstance(answer, RawReply):
            return answer
        outer = envelope(call, answer, now_ms())
        if not isinstance(outer, Accepted):
            return outer
        try:
            page, following = _page(outer.reply, model)
        except UnparsableError as error:
            return unparsable(call, error)
        rows.extend(page)
        if not page or not following or following == cursor:
            return Accepted(timestamp_ms=call.timestamp_ms, recv_window_ms=call.recv_window_ms, reply=tuple(rows))
        cursor = following
    return Unknown(reason="too_many_pages", message=f"more than {max_pages} pages")


def _page(document: dict[str, Any], model: type[Row]) -> tuple[list[Row], str]:
    body = document.get("result")
    if not isinstance(body, dict) or not isinstance(body.get("list"), list):
        raise UnparsableError("result.list is missing")
    following = body.get("nextPageCursor") or ""
    if not isinstance(following, str):
        raise UnparsableError("nextPageCursor is no text")
    return [parse_row(model, row) for row in body["list"]], following
