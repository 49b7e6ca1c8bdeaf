"""The journal while the venue runs: what happens is forced to disk before anything is acknowledged."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from paper_exchange.domain.records import Record
from paper_exchange.outbound.journal_file import NAME, compact, line_of, read_line, sync_folder
from paper_exchange.outbound.private_files import FILE_MODE, private_folder
from shared.trading.errors import Unavailable


class JournalDamaged(Unavailable):
    """A line in the middle of the journal does not fit its checksum: the disk, or a hand, changed it."""

    code = "journal_damaged"
    title = "The paper exchange's journal is damaged"


class JournalInUse(Unavailable):
    """Another paper exchange works in this folder."""

    code = "journal_in_use"
    title = "Another paper exchange uses this data folder"


class FileJournal:
    """Appends records; many that arrive together share one fsync (group commit).

    Args:
        folder: Where the file lives; made when absent.
        keep_bytes: The beginning of the file that stays as it is, since a cached state stands for it.
    """

    def __init__(self, folder: Path, *, keep_bytes: int = 0) -> None:
        private_folder(folder)
        self._path = folder / NAME
        self._lock = _lock(folder)
        compact(folder, keep_bytes=keep_bytes)
        self._kept = keep_bytes
        self.replayed = 0
        self.bytes = 0
        self._buffer: list[bytes] = []
        self._position = 0
        self._durable = 0
        self._wake = asyncio.Event()
        self._failure: OSError | None = None
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._listeners: list[Callable[[int], None]] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._file = -1

    def replay(self) -> Iterator[Record]:
        """Read everything back behind `keep_bytes`; a last line that was cut short by a kill is dropped, it was never acknowledged.

        Raises:
            JournalDamaged: a line before the last one is broken.
        """
        good = self._kept
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(good)
                for number, line in enumerate(file, 1):
                    record = read_line(line)
                    if record is None:
                        self._check_is_tail(good + len(line), number)
                        break
                    good += len(line)
                    self.replayed += 1
                    yield record
        self.bytes = good
        self._open(good)

    def _check_is_tail(self, end: int, number: int) -> None:
        if end < self._path.stat().st_size:
            raise JournalDamaged(f"Line {number} of {self._path.name} does not fit its checksum.")

    def _open(self, size: int) -> None:
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, FILE_MODE)
        os.fchmod(self._file, FILE_MODE)
        os.ftruncate(self._file, size)
        os.lseek(self._file, size, os.SEEK_SET)
        os.fsync(self._file)
        sync_folder(self._path.parent)

    def append(self, record: Record) -> int:
        """Queue a record for the disk; it is safe once `durable` says so."""
        self._buffer.append(line_of(record))
        self._position += 1
        self._wake.set()
        return self._position

    @property
    def position(self) -> int:
        """Records queued since the start."""
        return self._position

    @property
    def durable_position(self) -> int:
        """Records on disk since the start."""
        return self._durable

    def on_durable(self, listener: Callable[[int], None]) -> None:
        """Call back with the new position after each fsync, on the loop's thread."""
        self._listeners.append(listener)

    async def durable(self, position: int) -> None:
        """Wait until everything up to a position is on disk.

        Raises:
            Unavailable: the disk failed.
        """
        if self._failure is not None:
            raise Unavailable("The journal cannot be written.") from self._failure
        if position <= self._durable:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((position, future))
        await future

    async def run(self) -> None:
        """Write until cancelled.

        Raises:
            OSError: the disk failed; the process must end, since it may acknowledge nothing any more.
        """
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            lines, self._buffer = self._buffer, []
            position = self._position
            if not lines:
                continue
            try:
                await loop.run_in_executor(self._thread, self._write, b"".join(lines))
            except OSError as error:
                self._fail(error)
                raise
            self._reached(position)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        os.fdatasync(self._file) if hasattr(os, "fdatasync") else os.fsync(self._file)

    def _reached(self, position: int) -> None:
        self._durable = position
        still = []
        for wanted, future in self._waiting:
            if wanted > position:
                still.append((wanted, future))
            elif not future.done():
                future.set_result(None)
        self._waiting = still
        for listener in self._listeners:
            listener(position)

    def _fail(self, error: OSError) -> None:
        self._failure = error
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(Unavailable("The journal cannot be written."))
        self._waiting = []

    def snapshot(self) -> bytes:
        """Everything on disk, whole lines: a folder that begins with it has the same state."""
        data = self._path.read_bytes()
        return data[: data.rfind(b"\n") + 1]

    def close(self, last: Callable[[], None] | None = None) -> None:
        """Write what is left, do a last thing while the folder is still ours, and let the folder go."""
        self._thread.shutdown(wait=True)
        if self._file >= 0:
            if self._buffer and self._failure is None:
                self._write(b"".join(self._buffer))
            os.close(self._file)
            self._file = -1
        try:
            if last is not None and self._failure is None:
                last()
        finally:
            os.close(self._lock)


def _lock(folder: Path) -> int:
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, FILE_MODE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise JournalInUse(f"Another paper exchange uses {folder}.") from None
    return handle
