"""kill -9 at any moment: no acknowledged order is lost, none trades twice, prices go on."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.testing import eventually

pytestmark = pytest.mark.integration
LEG = {
    "category": "spot",
    "symbol": "DOGEUSDT",
    "side": "Buy",
    "orderType": "Limit",
    "qty": "100",
    "timeInForce": "IOC",
}


def send_until_killed(customer: Any, price: str, start: int, acknowledged: dict[str, str]) -> None:
    for place in range(start, start + 5000):
        link = f"k{place}"
        try:
            legs = [{**LEG, "price": price, "orderLinkId": link}]
            reply = customer.post("/v5/order/create-batch", {"category": "spot", "request": legs})
        except httpx.HTTPError:
            return
        for row, code in zip(reply["result"].get("list", []), reply["retExtInfo"].get("list", []), strict=True):
            if code["code"] == 0:
                acknowledged[row["orderLinkId"]] = row["orderId"]
        time.sleep(0.01)


def check_ledger(ledger: dict[str, Any]) -> None:
    held = {"USDT": Decimal(1_000_000), "DOGE": Decimal(0)}
    executions = ledger["executions"]
    assert len({row["execId"] for row in executions}) == len(executions)
    for row in executions:
        held["USDT"] -= Decimal(row["execValue"])
        held["DOGE"] += Decimal(row["execQty"]) - Decimal(row["execFee"])
    assert {row["coin"]: Decimal(row["walletBalance"]) for row in ledger["balances"]} == {
        coin: amount for coin, amount in held.items() if amount or coin == "USDT"
    }
    for order in ledger["orders"]:
        filled = sum((Decimal(row["execQty"]) for row in executions if row["orderId"] == order["orderId"]), Decimal(0))
        assert filled == Decimal(order["cumExecQty"]) <= Decimal(order["qty"])


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
async def test_nothing_acknowledged_is_lost(own_venue: Any, seed: int) -> None:
    chance = random.Random(seed)
    own_venue.settings["PAPER_EXCHANGE_MATCH_DELAY_MS"] = "15"
    own_venue.start()
    customers = [own_venue.customer("1000000") for _ in range(3)]
    acknowledged: list[dict[str, str]] = [{} for _ in customers]
    for round_ in range(2):
        feed = own_venue.control("GET", "feed")["prices"]
        price = str(Decimal(feed["DOGEUSDT"]) + Decimal("0.005"))
        senders = [
            threading.Thread(target=send_until_killed, args=(customer, price, round_ * 10_000, answers))
            for customer, answers in zip(customers, acknowledged, strict=True)
        ]
        for sender in senders:
            sender.start()
        own_venue.control(
            "GET", f"wait?uid={customers[0].uid}&event=order_received&n={chance.randint(3, 12)}&timeout_ms=5000"
        )
        await asyncio.sleep(chance.uniform(0, 0.02))
        own_venue.kill()
        for sender in senders:
            sender.join(timeout=20)
            assert not sender.is_alive()
        own_venue.start()
    for customer, answers in zip(customers, acknowledged, strict=True):

        async def all_ended(customer: Any = customer) -> dict[str, Any] | None:
            ledger: dict[str, Any] = own_venue.control("GET", f"ledger?uid={customer.uid}")
            ended = all(row["orderStatus"] not in {"New", "PartiallyFilled"} for row in ledger["orders"])
            return ledger if ended else None

        ledger = await eventually(all_ended, because="acknowledged orders are matched after the restart")
        known = {row["orderLinkId"]: row["orderId"] for row in ledger["orders"]}
        assert answers.items() <= known.items()
        assert answers
        check_ledger(ledger)
        customer.close()


async def prices_written_twice(venue: Any) -> None:
    """Until the journal holds prices that were noted from now on: the first may have been under way."""
    journal = venue.folder / "venue" / "journal.jsonl"

    def noted() -> int:
        return int(journal.read_bytes().count(b'{"record":"prices"'))

    known = noted()
    await eventually(lambda: noted() >= known + 2, because="prices are written down")


async def test_state_and_prices_survive_a_clean_stop_and_a_kill(own_venue: Any) -> None:
    own_venue.settings["PAPER_EXCHANGE_PRICES_EVERY_S"] = "0.1"
    own_venue.start()
    customer = own_venue.customer()
    own_venue.control("POST", "feed", {"mode": "frozen", "prices": {"BTCUSDT": "70000"}})
    resting = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01",
               "price": "69500", "timeInForce": "GTC", "orderLinkId": "rest"}  # fmt: skip
    assert customer.post("/v5/order/create", {**resting, "price": "69400"})["retCode"] == 0
    amended = {"category": "spot", "symbol": "BTCUSDT", "orderLinkId": "rest", "price": "69500"}
    assert customer.post("/v5/order/amend", amended)["retCode"] == 0
    wait = f"wait?uid={customer.uid}&event=order_received&n=1&timeout_ms=5000"
    assert own_venue.control("GET", wait)["reached"]
    await prices_written_twice(own_venue)
    before = own_venue.control("GET", f"ledger?uid={customer.uid}")
    for end in (own_venue.stop, own_venue.kill):
        end()
        own_venue.settings["PAPER_EXCHANGE_FEED"] = "frozen"
        own_venue.start()
        assert own_venue.control("GET", f"ledger?uid={customer.uid}") == before
        assert own_venue.control("GET", "feed")["prices"]["BTCUSDT"] == "70000"
        assert customer.post("/v5/order/create", resting)["retCode"] == 170141
    own_venue.control("POST", "feed", {"prices": {"BTCUSDT": "69000"}})
    row = own_venue.control("GET", f"ledger?uid={customer.uid}")["orders"][0]
    assert (row["orderStatus"], row["avgPrice"]) == ("Filled", "69500")
    customer.close()


def test_a_snapshot_tells_the_same_state_elsewhere_and_a_reset_forgets_for_good(own_venue: Any, tmp_path: Path) -> None:
    own_venue.settings["PAPER_EXCHANGE_FEED"] = "frozen"
    own_venue.start()
    customer = own_venue.customer()
    order = {"category": "spot", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "100"}
    assert customer.post("/v5/order/create", order)["retCode"] == 0
    own_venue.control("GET", f"wait?uid={customer.uid}&event=order_closed&n=1&timeout_ms=5000")
    state = own_venue.control("GET", "state")
    assert (state["accounts"], state["orders"], state["open_orders"]) == (1, 1, 0)
    ledger = own_venue.control("GET", f"ledger?uid={customer.uid}")
    assert {row["coin"]: row["walletBalance"] for row in ledger["balances"]} == state["held"]
    (tmp_path / "snapshot").write_bytes(own_venue.client.get(f"{own_venue.url}/paper/v1/snapshot").content)
    assert own_venue.control("POST", "reset", {}) == {"accounts": 1}
    assert customer.get("/v5/account/info")["retCode"] == 10003
    fresh = own_venue.customer()
    assert int(fresh.uid) > int(customer.uid)
    forgotten = own_venue.control("GET", "state")
    own_venue.kill()
    own_venue.start()
    assert own_venue.control("GET", "state")["digest"] == forgotten["digest"]
    own_venue.stop()
    own_venue.settings |= {
        "PAPER_EXCHANGE_DATA_FOLDER": str(tmp_path / "elsewhere"),
        "PAPER_EXCHANGE_SNAPSHOT_FILE": str(tmp_path / "snapshot"),
    }
    own_venue.start()
    assert own_venue.control("GET", "state")["digest"] == state["digest"]
    assert customer.get("/v5/account/info")["retCode"] == 0
    for someone in (customer, fresh):
        someone.close()


def test_what_the_venue_announced_survives_a_kill(own_venue: Any) -> None:
    own_venue.settings |= {"PAPER_EXCHANGE_FEED": "frozen", "PAPER_EXCHANGE_CACHE_AFTER_RECORDS": "1"}
    own_venue.start()
    customer = own_venue.customer()
    own_venue.control("POST", "feed", {"halt": ["ETHUSDT"]})
    own_venue.control("POST", "instruments", {"symbol": "AAVEUSDT", "lot_size": "0.1"})
    own_venue.control("POST", "instruments", {"symbol": "ZECUSDT", "delist": True})
    own_venue.control("POST", "conversions", {"from": "USDT", "to": "NEW", "ratio": "2"})
    own_venue.control("POST", "restart", {})
    state = own_venue.control("GET", "state")
    for end in (own_venue.kill, own_venue.kill, own_venue.stop, own_venue.kill):
        end()
        own_venue.start()
        told = own_venue.control("GET", "state")
        if end == own_venue.stop:  # a clean end writes the prices down: the only other news
            state["digest"] = told["digest"]
        assert told == state
        assert own_venue.control("GET", "feed")["halted"] == ["ETHUSDT", "ZECUSDT"]
        rules = customer.get("/v5/market/instruments-info", "category=spot&symbol=AAVEUSDT")["result"]["list"][0]
        assert rules["lotSizeFilter"]["basePrecision"] == "0.1"
        assert not customer.get("/v5/market/instruments-info", "category=spot&symbol=ZECUSDT")["result"]["list"]
    assert state["held"] == {"USDT": "0", "NEW": "20000"}
    customer.close()


def test_the_state_beside_the_journal_is_used_and_told_the_same(own_venue: Any) -> None:
    own_venue.settings |= {"PAPER_EXCHANGE_CACHE_AFTER_RECORDS": "1", "PAPER_EXCHANGE_FEED": "frozen"}
    own_venue.start()
    customer = own_venue.customer()
    for end in (own_venue.stop, own_venue.kill, own_venue.kill):
        price = own_venue.control("GET", "feed")["prices"]["DOGEUSDT"]
        assert customer.post("/v5/order/create", {**LEG, "price": price, "timeInForce": "GTC"})["retCode"] == 0
        before = own_venue.control("GET", f"ledger?uid={customer.uid}")
        end()
        own_venue.start()
        assert (own_venue.folder / "venue" / "state.bin").exists()
        assert own_venue.control("GET", f"ledger?uid={customer.uid}")["orders"] == before["orders"]
    customer.close()
