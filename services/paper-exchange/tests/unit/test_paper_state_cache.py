"""The cached state is the journal's, or it is not used."""

from __future__ import annotations

import pickle
import zlib
from pathlib import Path
from typing import Any

import orjson
import pytest

from paper_exchange.domain.ledger import Ledger
from paper_exchange.domain.records import PricesNoted, Record
from paper_exchange.outbound.archive import Archive
from paper_exchange.outbound.journal_file import NAME, compact
from paper_exchange.outbound.record_codec import encode_record
from paper_exchange.outbound.state_cache import StateCache
from paper_exchange.outbound.state_dump import state_digest


def trade(floor: Any) -> None:
    """Some of everything: a fill, a resting order, a cancelled one."""
    account = floor.account(USDT="5000", BTC="0.1")
    floor.place(account, symbol="BTCUSDT", side="Buy", orderType="Market", qty="100")
    floor.place(account, symbol="BTCUSDT", side="Sell", orderType="Limit", qty="0.01", price=str(floor.ask("BTCUSDT")))
    floor.place(account, symbol="ETHUSDT", side="Buy", orderType="Limit", qty="0.01", price="4300")
    floor.exchange.cancel_all(account.uid, symbol="ETHUSDT")


def write(folder: Path, records: list[Record]) -> None:
    with (folder / NAME).open("ab") as file:
        for record in records:
            body = encode_record(record)
            file.write(b"%08x " % zlib.crc32(body) + body + b"\n")


def told(folder: Path, floor: Any) -> tuple[Ledger, int]:
    """The ledger of a folder, and how many records had to be read for it."""
    ledger = Ledger(floor.ledger.listings)
    journal = Archive(folder, cache_after_records=1_000_000).recall(ledger)
    journal.close()
    return ledger, journal.replayed


def cached(folder: Path, floor: Any) -> None:
    StateCache(folder, NAME).save(floor.ledger, compact(folder))


def test_the_cache_and_the_rest_of_the_journal_tell_the_whole(tmp_path: Path, floor: Any) -> None:
    trade(floor)
    write(tmp_path, floor.journal.records)
    cached(tmp_path, floor)
    known = len(floor.journal.records)
    ledger, read = told(tmp_path, floor)
    assert (state_digest(ledger), read) == (state_digest(floor.ledger), 0)
    trade(floor)
    prices: list[Record] = [PricesNoted(prices={"BTCUSDT": place}, at_ms=place) for place in (1, 2)]
    for record in prices:
        floor.exchange.record(record)
    write(tmp_path, floor.journal.records[known:])
    ledger, read = told(tmp_path, floor)
    assert state_digest(ledger) == state_digest(floor.ledger)
    assert read == len(floor.journal.records) - known - 1
    order = next(iter(ledger.orders.values()))
    assert ledger.accounts[order.uid].orders[order.order_id] is order


@pytest.mark.parametrize("harm", ["journal", "state", "classes", "foreign", "shorter"])
def test_a_cache_that_does_not_fit_is_passed_over(tmp_path: Path, floor: Any, harm: str) -> None:
    trade(floor)
    write(tmp_path, floor.journal.records)
    cached(tmp_path, floor)
    state, journal = tmp_path / "state.bin", tmp_path / NAME
    if harm == "journal":
        journal.write_bytes(journal.read_bytes().replace(b'"5000"', b'"9000"'))
    elif harm == "shorter":
        journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    elif harm == "state":
        state.write_bytes(state.read_bytes()[:-3] + b"abc")
    else:
        head, _, body = state.read_bytes().partition(b"\n")
        fields = orjson.loads(head)
        if harm == "classes":
            fields["classes"] = "others"
        else:
            body = pickle.dumps([Path("/tmp")] * 8)
            fields["state_crc"] = zlib.crc32(body)
        state.write_bytes(orjson.dumps(fields) + b"\n" + body)
    assert StateCache(tmp_path, NAME).load() is None
