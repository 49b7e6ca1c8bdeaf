"""The state beside the journal, so that a long journal is not told again from its beginning at every start.

The journal alone is the truth: the cache names the part of it that it stands for by length and checksum. When that does
not fit, or the classes have changed since, the cache is passed over and the journal is read whole.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import pickle
import zlib
from collections import deque
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from paper_exchange.domain.account import Account, ApiKey, Holding, LogEntry
from paper_exchange.domain.ledger import Ledger
from paper_exchange.domain.notices import Notices
from paper_exchange.domain.order import Execution, Order
from paper_exchange.outbound.state_dump import LEFT_OUT

NAME = "state.bin"
KNOWN = (Account, ApiKey, Holding, LogEntry, Notices, Order, Execution, Decimal, deque)
_FIELDS = tuple(field.name for field in dataclasses.fields(Ledger) if field.name not in LEFT_OUT)


@dataclasses.dataclass(frozen=True, slots=True)
class CachedState:
    """A state and the length of the journal that it stands for."""

    journal_bytes: int
    fields: dict[str, Any]

    def restore(self, ledger: Ledger) -> None:
        """Put the state into a fresh ledger."""
        for name, value in self.fields.items():
            setattr(ledger, name, value)


class StateCache:
    """Reads and writes the cache of one folder.

    Args:
        folder: Where the journal lies.
        journal: The journal's file name.
    """

    def __init__(self, folder: Path, journal: str) -> None:
        self._path = folder / NAME
        self._journal = folder / journal

    def load(self) -> CachedState | None:
        """The cached state, if there is one and it fits the journal."""
        if not self._path.exists() or not self._journal.exists():
            return None
        head, _, body = self._path.read_bytes().partition(b"\n")
        try:
            told = orjson.loads(head)
        except orjson.JSONDecodeError:
            return None
        if told.get("classes") != _fingerprint() or told.get("state_crc") != zlib.crc32(body):
            return None
        length: int = told["journal_bytes"]
        if self._journal.stat().st_size < length or _crc_of(self._journal, length) != told["journal_crc"]:
            return None
        try:
            fields = _Reader(io.BytesIO(body)).load()
        except pickle.UnpicklingError:
            return None
        return CachedState(length, dict(zip(_FIELDS, fields, strict=True)))

    def save(self, ledger: Ledger, journal_bytes: int) -> None:
        """Write the state down for the first so many bytes of the journal; a kill in between leaves the old cache.

        Raises:
            OSError: the disk.
        """
        body = pickle.dumps([getattr(ledger, name) for name in _FIELDS], protocol=5)
        head = {
            "classes": _fingerprint(),
            "state_crc": zlib.crc32(body),
            "journal_bytes": journal_bytes,
            "journal_crc": _crc_of(self._journal, journal_bytes),
        }
        fresh = self._path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(orjson.dumps(head) + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)


class _Reader(pickle.Unpickler):
    """Knows the classes of the ledger and no others: a foreign file can make nothing happen."""

    _classes = {(kind.__module__, kind.__qualname__): kind for kind in KNOWN}  # noqa: RUF012 - never changed

    def find_class(self, module: str, name: str) -> Any:
        found = self._classes.get((module, name))
        if found is None:
            raise pickle.UnpicklingError(f"the state holds no {module}.{name}")
        return found


def _fingerprint() -> str:
    """Changes whenever a class of the state gains, loses or changes a field."""
    shapes = [
        [kind.__qualname__, [[field.name, str(field.type)] for field in dataclasses.fields(kind)]]
        for kind in (Ledger, *KNOWN)
        if dataclasses.is_dataclass(kind)
    ]
    return hashlib.sha256(orjson.dumps(shapes)).hexdigest()


def _crc_of(path: Path, length: int) -> int:
    """Checksum of the first so many bytes of a file."""
    crc, left = 0, length
    with path.open("rb") as file:
        while left > 0 and (chunk := file.read(min(left, 1 << 20))):
            crc = zlib.crc32(chunk, crc)
            left -= len(chunk)
    return crc if not left else -1
