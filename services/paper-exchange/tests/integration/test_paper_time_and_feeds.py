"""Virtual time, replayed candles and mirrored prices, from outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.testing import eventually

pytestmark = pytest.mark.integration
MIRRORED = ("BTCUSDT", "ETHUSDT", "DOGEUSDT")
HOUR_MS = 3_600_000
QUESTIONS = (
    "market/kline?category=spot&symbol=BTCUSDT&interval=1&limit=1000",
    "market/kline?category=spot&symbol=DOGEUSDT&interval=60",
    "market/tickers?category=spot",
    "market/orderbook?category=spot&symbol=ETHUSDT&limit=50",
    "market/recent-trade?category=spot&symbol=BTCUSDT",
    "market/time",
)


@pytest.fixture
def venues(tmp_path: Path, venue: Any) -> Iterator[Any]:
    """Makes venues of the test's own, by their settings, and ends them."""
    made: list[Any] = []

    def make(**settings: str) -> Any:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        fresh = type(venue)(folder, {f"PAPER_EXCHANGE_{name.upper()}": value for name, value in settings.items()})
        made.append(fresh)
        fresh.start()
        return fresh

    yield make
    for one in made:
        one.kill()
        one.client.close()


def hours(venue: Any, number: int) -> tuple[list[bytes], dict[str, Any]]:
    """Hours with a customer who trades in each: what the venue answers at their end."""
    someone = venue.customer("1000000")
    for hour in range(number):
        now_ms = venue.control("GET", "clock")["now_ms"]
        body = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": str(50 + hour)}
        assert someone.post("/v5/order/create", body, timestamp=now_ms)["retCode"] == 0
        venue.control("POST", "clock", {"advance_ms": HOUR_MS})
    ledger = venue.control("GET", f"ledger?uid={someone.uid}")
    answers = [venue.client.get(f"{venue.url}/v5/{question}").content for question in QUESTIONS]
    someone.close()
    return answers, ledger


@pytest.mark.timeout(300)  # a day passes within it, twice
def test_a_day_in_virtual_time_is_waited_for_by_nobody_and_is_the_same_byte_for_byte(venues: Any) -> None:
    first, again = (venues(clock="virtual", seed="5") for _ in range(2))
    answers, ledger = hours(first, 24)
    assert len(ledger["executions"]) == 24
    assert (answers, ledger) == hours(again, 24)


def test_another_seed_gives_another_day(venues: Any) -> None:
    one, other = venues(clock="virtual", seed="5"), venues(clock="virtual", seed="6")
    assert hours(one, 1)[0] != hours(other, 1)[0]


def test_virtual_time_goes_on_after_a_restart(venues: Any) -> None:
    one = venues(clock="virtual")
    one.customer()
    one.control("POST", "clock", {"advance_ms": HOUR_MS, "step_ms": HOUR_MS})
    one.customer()
    price = one.control("GET", "feed")["prices"]["BTCUSDT"]
    before = one.control("GET", "clock")["now_ms"]
    one.kill()
    one.start()
    assert one.control("GET", "clock") == {"now_ms": before + 1, "virtual": True}
    assert one.control("GET", "feed")["prices"]["BTCUSDT"] == price


def test_real_time_cannot_be_moved(venue: Any) -> None:
    answer = venue.client.post(f"{venue.url}/paper/v1/clock", json={"advance_ms": 1000})
    assert answer.status_code == 422
    assert "PAPER_EXCHANGE_CLOCK" in answer.json()["error"]


def test_a_recording_comes_back_as_its_candles(venues: Any, tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    path.write_text(
        "symbol,start_ms,open,high,low,close,volume\n"
        "BTCUSDT,1670889600000,17208.8,17212.9,17205,17206,1.5\n"
        "BTCUSDT,1670889660000,17206,17223.4,17205,17223,6.8\n"
    )
    one = venues(feed="replay", clock="virtual", replay_file=str(path))
    one.control("POST", "clock", {"advance_ms": 120_000, "step_ms": 6_000})
    reply = one.client.get(f"{one.url}/v5/market/kline?category=spot&symbol=BTCUSDT&interval=1").json()
    rows = {row[0]: row[1:5] for row in reply["result"]["list"]}
    assert rows["1670889600000"] == ["17208.8", "17212.9", "17205", "17206"]
    assert rows["1670889660000"] == ["17206", "17223.4", "17205", "17223"]
    assert one.control("GET", "feed")["mode"] == "replay"


async def test_a_mirror_follows_another_venue_and_comes_back_when_it_was_away(venues: Any, venue: Any) -> None:
    symbols = ",".join((*MIRRORED, "NOPEUSDT"))
    mirror = venues(
        feed="mirror", mirror_url=f"{venue.socket_url}/v5/public/spot", mirror_symbols=symbols, tick_ms="50"
    )

    async def follows(price: str) -> None:
        venue.control("POST", "feed", {"prices": {"BTCUSDT": price}})

        async def same() -> bool:
            told = mirror.control("GET", "feed")
            return abs(float(told["prices"]["BTCUSDT"]) - float(price)) <= 0.2 and told["mirror"]["symbols"] == 3

        assert await eventually(same, because="the mirror hears the other venue", timeout_s=20)

    await follows("90000")
    venue.stop()
    venue.start()
    venue.control("POST", "feed", {"mode": "frozen"})
    await follows("91000")
    reply = mirror.client.get(f"{mirror.url}/v5/market/tickers?category=spot&symbol=BTCUSDT").json()
    assert 90_990 < float(reply["result"]["list"][0]["lastPrice"]) < 91_010
