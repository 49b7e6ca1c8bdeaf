"""Weeks begin on Monday and months on their first, whatever day the epoch was."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest

from paper_exchange.domain.candle_span import candle_end, candle_start
from paper_exchange.domain.candles import CandleBook
from paper_exchange.inbound.topics import candle_frame


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("minutes", "at", "start", "end"),
    [
        (10_080, "2026-11-21T13:00", "2026-11-16", "2026-11-23"),  # a Saturday
        (10_080, "2026-11-16T00:00", "2026-11-16", "2026-11-23"),
        (10_080, "2026-11-15T23:59", "2026-11-09", "2026-11-16"),
        (43_200, "2026-11-21T13:00", "2026-11-01", "2026-12-01"),
        (43_200, "2026-12-31T23:59", "2026-12-01", "2027-01-01"),
        (43_200, "2028-02-29T12:00", "2028-02-01", "2028-03-01"),
        (1_440, "2026-11-21T13:00", "2026-11-21", "2026-11-22"),
        (240, "2026-11-21T13:00", "2026-11-21T12:00", "2026-11-21T16:00"),
    ],
)
def test_a_candle_lasts_as_the_calendar_says(minutes: int, at: str, start: str, end: str) -> None:
    begins = candle_start(moment(at), minutes=minutes)
    assert (begins, candle_end(begins, minutes=minutes)) == (moment(start), moment(end))


@pytest.mark.parametrize(
    ("minutes", "starts"), [(10_080, ["2026-11-30", "2026-11-23"]), (43_200, ["2026-12-01", "2026-11-01"])]
)
def test_hours_are_gathered_into_weeks_and_months(minutes: int, starts: list[str]) -> None:
    book = CandleBook(["BTCUSDT"])
    first, hour = moment("2026-11-28T00:00"), 3_600_000
    for place in range(5 * 24):
        book.note([1_000 + place], now_ms=first + place * hour)
    found = book.of("BTCUSDT").between(None, None, minutes=minutes, limit=10)
    assert [candle.start_ms for candle in found] == [moment(start) for start in starts]
    assert (found[-1].open, found[0].close) == (1_000, 1_119)
    assert found[0].open == found[1].close + 1


def test_the_stream_tells_the_end_of_the_month() -> None:
    book = CandleBook(["BTCUSDT"])
    book.note([1_000], now_ms=moment("2026-02-10T00:00"))
    (candle,) = book.of("BTCUSDT").between(None, None, minutes=43_200, limit=1)
    frame = candle_frame(
        "kline.M.BTCUSDT", candle, ["", "1", "1", "1", "1", "0", "0"], minutes=43_200, confirm=False, now_ms=0
    )
    row = orjson.loads(frame)["data"][0]
    assert (row["start"], row["end"]) == (moment("2026-02-01"), moment("2026-03-01") - 1)
