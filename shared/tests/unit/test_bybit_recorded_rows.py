"""What other people recorded of the venue is read by our own models, row by row and frame by frame."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.runtime.bybit.fields import VenueRow
from shared.runtime.bybit.judgement import UnparsableError, parse_row
from shared.runtime.bybit.public_rows import CandleRow, InstrumentRow, PriceLimitRow, TickerRow
from shared.runtime.bybit.replies import ExecutionRow, OrderAck, OrderRow, TransactionRow, WalletRow
from shared.runtime.bybit.stream_frames import read_frame

DOCS = "bybit_docs_json_examples.jsonl"
TESTNET = "bybit_rest_results_testnet_recorded.json"
NAUTILUS = "bybit_rest_fixtures_nautilus.json"
PRIVATE = ("order", "execution", "wallet")
ROWS: list[tuple[type[VenueRow], str, str]] = [
    (OrderRow, DOCS, "order/open-order"),
    (OrderRow, DOCS, "order/order-list"),
    (OrderRow, TESTNET, "v5-get-open-orders"),
    (OrderRow, TESTNET, "v5-get-history-orders"),
    (OrderRow, NAUTILUS, "http_get_orders_realtime"),
    (OrderRow, NAUTILUS, "http_get_orders_history"),
    (OrderAck, DOCS, "order/create-order"),
    (OrderAck, DOCS, "order/cancel-order"),
    (OrderAck, TESTNET, "v5-create-order"),
    (ExecutionRow, DOCS, "order/execution"),
    (ExecutionRow, TESTNET, "v5-execution-get-execution-list"),
    (ExecutionRow, NAUTILUS, "http_get_executions"),
    (WalletRow, DOCS, "account/wallet-balance"),
    (WalletRow, TESTNET, "v5-account-get-wallet-balance"),
    (WalletRow, NAUTILUS, "http_get_wallet_balance"),
    (TransactionRow, DOCS, "account/transaction-log"),
    (TransactionRow, TESTNET, "v5-account-get-transaction-log"),
    (InstrumentRow, NAUTILUS, "http_get_instruments_spot"),
    (InstrumentRow, "bybit_instruments_spot.json", ""),
    (InstrumentRow, "bybit_instruments_spot_mainnet_2025_sample.json", ""),
    (TickerRow, "bybit_tickers_spot_testnet_2023-03-07.json", ""),
    (PriceLimitRow, DOCS, "market/order-price-limit"),
    (CandleRow, DOCS, "market/kline"),
    (CandleRow, NAUTILUS, "http_get_klines_linear"),
]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def results(folder: Path, file: str, name: str) -> list[dict[str, Any]]:
    """The `result` objects of an endpoint."""
    if file == DOCS:
        found = [item["json"] for item in lines(folder / file) if item["page"] == name]
        return [item["result"] for item in found if item.get("retCode") == 0]
    document = json.loads((folder / file).read_text())
    return [(document[name] if name else document)["result"]]


def rows(model: type[VenueRow], result: dict[str, Any]) -> list[Any]:
    if model in (OrderAck, PriceLimitRow):
        return [result]
    found: list[Any] = result["list"]
    return [CandleRow.wrap(row) for row in found] if model is CandleRow else found


@pytest.mark.parametrize(("model", "file", "name"), ROWS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_a_recorded_reply_is_read(recorded_data: Path, model: type[VenueRow], file: str, name: str) -> None:
    read = [parse_row(model, row) for result in results(recorded_data, file, name) for row in rows(model, result)]
    assert read


@pytest.mark.parametrize("topic", PRIVATE)
def test_recorded_private_frames_are_read(recorded_data: Path, topic: str) -> None:
    recorded = [item["message"] for item in lines(recorded_data / "bybit_ws_message_samples.jsonl")]
    recorded += [item["json"] for item in lines(recorded_data / DOCS) if item["page"].startswith("websocket/private/")]
    frames = [item for item in recorded if item.get("topic", "").split(".") in ([topic], [topic, "spot"])]
    assert len(frames) >= 3
    for frame in frames:
        told = read_frame(json.dumps(frame))
        assert told.faults == (), frame
        assert len(told.orders) + len(told.executions) + len(told.wallets) == len(frame["data"])


def test_recorded_answers_of_the_private_socket_are_read(recorded_data: Path) -> None:
    recorded = [item["json"] for item in lines(recorded_data / DOCS) if item["page"] == "websocket/wss-authentication"]
    answers = [item for item in recorded if "success" in item and "op" in item]
    assert answers
    for answer in answers:
        told = read_frame(json.dumps(answer))
        assert (told.operation, told.success, told.faults) == (answer["op"], answer["success"], ())


def line(**changes: str) -> TransactionRow:
    fields = {"type": "TRANSFER_IN", "currency": "USDT", "change": "5", "cashBalance": "105", "transactionTime": "1"}
    return parse_row(TransactionRow, {**fields, **changes})


def test_a_log_line_without_an_id_gets_one_that_stays_and_differs_by_what_it_says() -> None:
    assert line(id="x").id == "x"
    assert line().id == line(id="").id == line(cashBalance="105.00", bonusChange="0").id
    others = [
        line(cashBalance="110"),
        line(transactionTime="2"),
        line(currency="ETH"),
        line(change="6"),
        line(tradeId="t"),
    ]
    assert len({row.id for row in (line(), *others)}) == 6


def test_a_row_that_is_not_one_is_refused() -> None:
    with pytest.raises(UnparsableError):
        line(change="NaN")
