"""The journal as a file: lines with a checksum each, an old file made shorter, a new one begun."""

from __future__ import annotations

import os
import shutil
import zlib
from pathlib import Path
from typing import BinaryIO

from paper_exchange.domain.records import PricesNoted, Record, WorldReset
from paper_exchange.outbound.private_files import fresh_private_file, private_folder
from paper_exchange.outbound.record_codec import decode_record, encode_record

NAME = "journal.jsonl"


def compact(folder: Path, *, keep_bytes: int = 0) -> int:
    """Drop what tells nothing any more before the journal is opened: old prices, and all before the last reset.

    The new file takes the old one's place in one step; a kill in between leaves the old one.

    Args:
        folder: Where the journal lies.
        keep_bytes: So much of its beginning stays, whatever it tells.

    Returns:
        The length of the file from now on, bytes.
    """
    path = folder / NAME
    if not path.exists():
        return 0
    with path.open("rb") as file:
        file.seek(keep_bytes)
        last_prices = last_reset = -1
        drops = False
        for number, line in enumerate(file):
            if _is_prices(line):
                drops = drops or last_prices >= 0
                last_prices = number
            elif _is_reset(line):
                drops = drops or number > 0
                last_reset = number
        if not drops:
            return path.stat().st_size
        file.seek(0)
        fresh = path.with_suffix(".new")
        with fresh_private_file(fresh) as out:
            _copy(file, out, keep_bytes)
            out.writelines(
                line
                for number, line in enumerate(file)
                if number == last_prices or (number >= last_reset and not _is_prices(line))
            )
            out.flush()
            os.fsync(out.fileno())
    fresh.replace(path)
    sync_folder(folder)
    return path.stat().st_size


def _copy(source: BinaryIO, target: BinaryIO, length: int) -> None:
    while length > 0 and (chunk := source.read(min(length, 1 << 20))):
        target.write(chunk)
        length -= len(chunk)


def begin_with(folder: Path, snapshot: Path) -> None:
    """Start a new folder from another venue's snapshot, which is a journal; a folder that has one already keeps it.

    Raises:
        OSError: the snapshot cannot be read, or the folder not written.
    """
    path = folder / NAME
    if path.exists():
        return
    private_folder(folder)
    fresh = path.with_suffix(".new")
    with snapshot.open("rb") as source, fresh_private_file(fresh) as out:
        shutil.copyfileobj(source, out)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)
    sync_folder(folder)


def _is_prices(line: bytes) -> bool:
    return line[9:].startswith(b'{"record":"prices"') and isinstance(read_line(line), PricesNoted)


def _is_reset(line: bytes) -> bool:
    return line[9:].startswith(b'{"record":"reset"') and isinstance(read_line(line), WorldReset)


def line_of(record: Record) -> bytes:
    """A record as a line: checksum, space, JSON."""
    body = encode_record(record)
    return b"%08x " % zlib.crc32(body) + body + b"\n"


def read_line(line: bytes) -> Record | None:
    """The record of a line; None for one that is cut short or does not fit its checksum."""
    if not line.endswith(b"\n") or line[8:9] != b" ":
        return None
    body = line[9:-1]
    try:
        if int(line[:8], 16) != zlib.crc32(body):
            return None
    except ValueError:
        return None
    return decode_record(body)


def sync_folder(folder: Path) -> None:
    """Force a folder's names to disk: a file that was made or replaced is there after a loss of power too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
