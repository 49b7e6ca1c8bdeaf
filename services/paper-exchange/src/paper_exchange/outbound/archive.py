"""What a venue remembers over a restart: its journal, and the cached state that spares telling a long one anew."""

from __future__ import annotations

from pathlib import Path

from paper_exchange.domain.ledger import Ledger
from paper_exchange.outbound.file_journal import FileJournal
from paper_exchange.outbound.journal_file import NAME, begin_with, compact
from paper_exchange.outbound.state_cache import StateCache


class Archive:
    """The memory in one folder.

    Args:
        folder: Where it lies; made when absent.
        cache_after_records: From so many records on, told at a start or by its end, the state is cached.
        begin_with_snapshot: Another venue's snapshot, for a folder that has no journal yet.

    Raises:
        OSError: the snapshot cannot be read, or the folder not written.
    """

    def __init__(self, folder: Path, *, cache_after_records: int, begin_with_snapshot: Path | None = None) -> None:
        if begin_with_snapshot is not None:
            begin_with(folder, begin_with_snapshot)
        self._folder = folder
        self._cache_after_records = cache_after_records
        self._cache = StateCache(folder, NAME)

    def recall(self, ledger: Ledger) -> FileJournal:
        """Bring a fresh ledger to where the venue stopped, from the cached state on where there is one.

        Returns:
            The journal, open for what happens next.

        Raises:
            JournalDamaged: a line before the last one is broken.
            JournalInUse: another paper exchange works in this folder.
        """
        known = self._cache.load()
        journal = FileJournal(self._folder, keep_bytes=known.journal_bytes if known else 0)
        if known is not None:
            known.restore(ledger)
        for record in journal.replay():
            ledger.apply(record)
        if journal.replayed >= self._cache_after_records:
            self._cache.save(ledger, journal.bytes)
        return journal

    def close(self, journal: FileJournal, ledger: Ledger) -> None:
        """Close the journal, and cache the state when the next start would have much to tell."""

        def cache_state() -> None:
            self._cache.save(ledger, compact(self._folder))

        told = journal.replayed + journal.position
        journal.close(cache_state if told >= self._cache_after_records else None)
