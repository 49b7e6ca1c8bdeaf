from __future__ import annotations

import itertools
import json
from decimal import Decimal

import pytest
from pydantic import ValidationError

from shared.runtime.bybit.classification import ReplyClass, classify
from shared.runtime.bybit.judgement import UnparsableError, decode, parse_row
from shared.runtime.bybit.replies import ExecutionRow, OrderRow, OrderStatus, WalletRow
from shared.runtime.bybit.stream_frames import read_frame
from shared.runtime.bybit.windows import WINDOW_MS, windows

ORDER = {
    "orderId": "1", "orderLinkId": "bp-1", "symbol": "BTCUSDT", "side": "Buy", "orderStatus": "PartiallyFilledCanceled",
    "qty": "0.5", "price": "100", "avgPrice": "", "cumExecQty": "0.25", "cumExecValue": "", "createdTime": "1700000000000",
    "updatedTime": "1700000000001",
}  # fmt: skip
EXECUTION = {
    "execId": "e1", "execType": "Trade", "orderId": "1", "orderLinkId": "bp-1", "symbol": "BTCUSDT", "side": "Buy",
    "execPrice": "100.1", "execQty": "0.25", "execValue": "25.025", "execFee": "0.00025", "feeCurrency": "BTC",
    "execTime": "1700000000001", "isMaker": False, "seq": 7,
}  # fmt: skip


@pytest.mark.parametrize("code", [10000, 10014, 10016, 10429, 170146, 170149, 170007, 999999, -1])
def test_whatever_is_not_certain_is_unknown(code: int) -> None:
    assert classify(code) is ReplyClass.UNKNOWN


@pytest.mark.parametrize("code", [10001, 10002, 10004, 10029, 170131, 170136, 170140, 170371])
def test_refusals_are_certain(code: int) -> None:
    assert classify(code) is ReplyClass.REFUSED


def test_keys_that_do_not_work_are_blind_and_duplicates_are_no_refusal() -> None:
    assert {classify(code) for code in (10003, 10005, 10010, 33004)} == {ReplyClass.BLIND}
    assert {classify(code) for code in (110072, 170141)} == {ReplyClass.DUPLICATE}


def test_an_order_is_read_exactly_and_unset_texts_are_empty() -> None:
    row = parse_row(OrderRow, ORDER)
    assert (row.status, row.filled_quantity, row.reject_reason) == (
        OrderStatus.PARTIALLY_FILLED_CANCELED,
        Decimal("0.25"),
        "",
    )
    assert row.final


def test_what_we_do_not_use_may_be_odd() -> None:
    odd = {"avgPrice": ["1"], "createdTime": None, "cumExecValue": "x", "somethingNew": {"a": 1}}
    assert parse_row(OrderRow, ORDER | odd) == parse_row(OrderRow, ORDER)


@pytest.mark.parametrize(
    "change",
    [
        {"orderStatus": "Teleported"}, {"qty": "NaN"}, {"qty": "Infinity"}, {"qty": "1e400"}, {"qty": "9" * 60}, {"qty": ""},
        {"qty": None}, {"qty": True}, {"cumExecQty": "x"}, {"side": "Hold"}, {"updatedTime": "yesterday"}, {"orderId": ""},
        {"orderId": 7}, {"price": ["1"]}, {"price": {}}, {"updatedTime": None},
    ],
)  # fmt: skip
def test_an_odd_row_is_unparsable_and_nothing_else(change: dict[str, object]) -> None:
    with pytest.raises(UnparsableError):
        parse_row(OrderRow, ORDER | change)


@pytest.mark.parametrize("row", [None, 1, "x", [], [ORDER]])
def test_a_row_of_the_wrong_kind_is_unparsable(row: object) -> None:
    with pytest.raises(UnparsableError):
        parse_row(OrderRow, row)


@pytest.mark.parametrize("text", ["", "<html>", "[]", "1", '{"a": NaN}', '{"a": -Infinity}', "{" * 5000, b"\xff\xfe{"])
def test_only_a_finite_json_object_is_decoded(text: str | bytes) -> None:
    with pytest.raises(UnparsableError):
        decode(text)


def test_numbers_of_json_stay_exact() -> None:
    assert decode('{"a": 0.1000000000000000000000001}')["a"] == Decimal("0.1000000000000000000000001")


def test_a_wallet_counts_what_may_be_spent() -> None:
    row = parse_row(WalletRow, {"coin": [{"coin": "USDT", "walletBalance": "100", "locked": "30.5"}]})
    assert (row.available("USDT"), row.available("BTC")) == (Decimal("69.5"), Decimal(0))


def test_a_frame_gives_its_good_rows_and_names_the_bad_ones() -> None:
    frame = read_frame(json.dumps({"topic": "execution", "data": [EXECUTION, EXECUTION | {"execQty": "NaN"}]}))
    assert [row.exec_id for row in frame.executions] == ["e1"]
    assert len(frame.faults) == 1


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", '{"topic":"order","data":{}}', '{"hello":1}', '{"topic":"order","data":[null]}']
)
def test_a_malformed_frame_is_a_fault_never_a_crash(text: str) -> None:
    assert read_frame(text).faults


def test_answers_of_the_stream_are_told_from_data() -> None:
    frame = read_frame('{"success": false, "ret_msg": "bad sign", "op": "auth", "conn_id": "x"}')
    assert (frame.operation, frame.success, frame.message) == ("auth", False, "bad sign")


def test_a_long_history_is_cut_into_windows_without_a_hole() -> None:
    cut = list(windows(0, 3 * WINDOW_MS + 5))
    assert cut[0][0] == 0
    assert cut[-1][1] == 3 * WINDOW_MS + 5
    assert all(left[1] == right[0] for left, right in itertools.pairwise(cut))
    assert all(end - start <= WINDOW_MS for start, end in cut)


def test_rows_cannot_be_changed() -> None:
    row = parse_row(ExecutionRow, EXECUTION)
    with pytest.raises(ValidationError):
        row.price = Decimal(1)  # type: ignore[misc]
