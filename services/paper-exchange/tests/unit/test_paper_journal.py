"""The journal: what was acknowledged is there after any end."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from paper_exchange.domain.records import AccountOpened, PricesNoted, Record, Transferred, WorldReset
from paper_exchange.outbound.file_journal import FileJournal, JournalDamaged, JournalInUse
from paper_exchange.outbound.journal_file import begin_with, compact

RECORDS: list[Record] = [
    AccountOpened(uid="7", at_ms=1),
    Transferred(uid="7", transfer_id="8", coin="USDT", amount=Decimal("1.50"), kind="TRANSFER_IN", at_ms=2),
    Transferred(uid="7", transfer_id="9", coin="BTC", amount=Decimal("1e-18"), kind="TRANSFER_IN", at_ms=3),
]


async def written(folder: Path, records: list[Record]) -> None:
    journal = FileJournal(folder)
    list(journal.replay())
    writer = asyncio.create_task(journal.run())
    for record in records:
        journal.append(record)
    await journal.durable(journal.position)
    writer.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await writer
    journal.close()


def read(folder: Path) -> list[Record]:
    journal = FileJournal(folder)
    try:
        return list(journal.replay())
    finally:
        journal.close()


async def test_records_come_back_as_they_went(tmp_path: Path) -> None:
    await written(tmp_path, RECORDS)
    assert read(tmp_path) == RECORDS


@pytest.mark.parametrize("cut", [1, 5, 20])
async def test_a_last_line_cut_short_is_dropped_and_writing_goes_on(tmp_path: Path, cut: int) -> None:
    await written(tmp_path, RECORDS)
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    await written(tmp_path, [AccountOpened(uid="10", at_ms=4)])
    assert read(tmp_path) == [*RECORDS[:2], AccountOpened(uid="10", at_ms=4)]


async def test_a_changed_line_in_the_middle_stops_the_start(tmp_path: Path) -> None:
    await written(tmp_path, RECORDS)
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"1.5"', b'"9.5"'))
    with pytest.raises(JournalDamaged):
        read(tmp_path)


async def test_old_price_records_go_at_the_next_start(tmp_path: Path) -> None:
    noted: list[Record] = [PricesNoted(prices={"BTCUSDT": place}, at_ms=place) for place in range(50)]
    await written(tmp_path, [*RECORDS[:1], *noted, *RECORDS[1:]])
    assert read(tmp_path) == [RECORDS[0], noted[-1], *RECORDS[1:]]
    assert (tmp_path / "journal.jsonl").read_bytes().count(b"\n") == 4


async def test_what_was_before_a_reset_goes_at_the_next_start(tmp_path: Path) -> None:
    prices = PricesNoted(prices={"BTCUSDT": 1}, at_ms=4)
    reset = WorldReset(last_id=9, last_uid=7, seq=3, at_ms=5)
    after = AccountOpened(uid="10", at_ms=6)
    await written(tmp_path, [*RECORDS, prices, reset, after])
    assert read(tmp_path) == [prices, reset, after]


async def test_an_empty_folder_begins_with_a_snapshot_and_a_used_one_keeps_its_own(tmp_path: Path) -> None:
    await written(tmp_path / "one", RECORDS)
    await written(tmp_path / "two", RECORDS[:1])
    snapshot = tmp_path / "one" / "journal.jsonl"
    begin_with(tmp_path / "three", snapshot)
    begin_with(tmp_path / "two", snapshot)
    assert read(tmp_path / "three") == RECORDS
    assert read(tmp_path / "two") == RECORDS[:1]


async def test_a_second_venue_in_the_folder_is_refused(tmp_path: Path) -> None:
    first = FileJournal(tmp_path)
    with pytest.raises(JournalInUse):
        FileJournal(tmp_path)
    list(first.replay())
    first.close()


async def test_nothing_is_durable_before_it_is_on_disk(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path)
    list(journal.replay())
    position = journal.append(RECORDS[0])
    waiting = asyncio.create_task(journal.durable(position))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert (tmp_path / "journal.jsonl").stat().st_size == 0
    writer = asyncio.create_task(journal.run())
    await asyncio.wait_for(waiting, 5)
    assert (tmp_path / "journal.jsonl").stat().st_size > 0
    writer.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await writer
    journal.close()


@pytest.fixture
def everybody_reads() -> Iterator[None]:
    """What is made without a mode of its own may be read by all."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> tuple[int, int]:
    return folder.stat().st_mode & 0o777, (folder / "journal.jsonl").stat().st_mode & 0o777


@pytest.mark.usefixtures("everybody_reads")
async def test_nobody_else_on_the_machine_reads_the_secrets_in_the_journal(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    prices = [PricesNoted(prices={"BTCUSDT": price}, at_ms=price) for price in (1, 2)]
    await written(folder, [*RECORDS, *prices])
    assert modes(folder) == (0o700, 0o600)
    (folder / "journal.new").touch(0o644)
    before = (folder / "journal.jsonl").stat().st_size
    assert compact(folder) < before
    assert modes(folder) == (0o700, 0o600)


@pytest.mark.usefixtures("everybody_reads")
def test_a_folder_that_begins_with_a_snapshot_is_as_private(tmp_path: Path) -> None:
    snapshot, folder = tmp_path / "snapshot", tmp_path / "new"
    snapshot.touch(0o644)
    begin_with(folder, snapshot)
    assert modes(folder) == (0o700, 0o600)


@pytest.mark.usefixtures("everybody_reads")
def test_a_journal_that_was_readable_is_so_no_longer(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").touch(0o644)
    assert read(tmp_path) == []
    assert modes(tmp_path) == (0o700, 0o600)
