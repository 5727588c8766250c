"""A store of live books in memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from optarb.errors import BookNotFound
from optarb.ledger.rows import TABLES
from optarb.protocols.trading import BookState, Controls, JournalEntry, Lease, Notice

if TYPE_CHECKING:
    from optarb.ledger.rows import Row, Rows

__all__ = ["MemoryTradingStore"]


@dataclass(slots=True)
class _Kept:
    """One book."""

    version: int = 0
    document: str = ""
    lease: Lease | None = None
    controls: Controls = field(default_factory=Controls)
    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in TABLES})
    journal: list[tuple[date, JournalEntry]] = field(default_factory=list[tuple[date, JournalEntry]])
    decided: dict[tuple[date, str], bytes] = field(default_factory=dict[tuple[date, str], bytes])


class MemoryTradingStore:
    """Keeps live books in this object, for tests. Threads may share it; other processes see nothing."""

    def __init__(self) -> None:
        """Starts empty."""
        self._lock = threading.Lock()
        self._books: dict[str, _Kept] = {}
        self._outbox: dict[tuple[str, str], Notice] = {}
        self._delivered: set[tuple[str, str, str | None]] = set()
        self._sending: dict[tuple[str, str, str], float] = {}
        self._accounts: dict[str, tuple[int, str]] = {}

    @property
    def is_shared(self) -> bool:
        """False: nobody else sees it."""
        return False

    def acquire(self, book_id: str, lease: Lease, *, now: datetime, take_over: bool = False) -> bool:
        """Takes or prolongs the right to move a book; see :class:`optarb.protocols.trading.TradingStore`."""
        with self._lock:
            kept = self._books.setdefault(book_id, _Kept())
            holder = kept.lease
            free = holder is None or holder.owner == lease.owner or holder.until <= now or holder.session < lease.session
            if free or take_over:
                kept.lease = lease
            return free or take_over

    def release(self, book_id: str, owner: str) -> None:
        """Gives the right back."""
        with self._lock:
            kept = self._books.get(book_id)
            if kept is not None and kept.lease is not None and kept.lease.owner == owner:
                kept.lease = None

    def load(self, book_id: str) -> BookState:
        """Returns the book.

        Raises:
            BookNotFound: No such book.
        """
        with self._lock:
            kept = self._books.get(book_id)
            if kept is None:
                raise BookNotFound(f"no live book {book_id!r}; there are {', '.join(sorted(self._books)) or 'none'}")
            return BookState(book_id=book_id, version=kept.version, document=kept.document, lease=kept.lease)

    def save(
        self,
        book_id: str,
        *,
        owner: str,
        version: int,
        document: str,
        rows: Rows,
        journal: Sequence[JournalEntry] = (),
        notices: Sequence[Notice] = (),
    ) -> bool:
        """Writes all of it, or nothing if somebody else has written or holds the lease."""
        with self._lock:
            kept = self._books.get(book_id)
            if kept is None or kept.lease is None or kept.lease.owner != owner or kept.version != version:
                return False
            kept.version, kept.document = version + 1, document
            for table, added in rows.items():
                _append(kept.rows[table], added)
            kept.journal.extend((kept.lease.session, entry) for entry in journal)
            for notice in notices:
                self._outbox.setdefault((book_id, notice.key), notice)
            return True

    def once(self, book_id: str, session: date, step: str, body: bytes) -> bytes:
        """Stores an outcome; the first one stays."""
        with self._lock:
            return self._books.setdefault(book_id, _Kept()).decided.setdefault((session, step), body)

    def decided(self, book_id: str, session: date, step: str) -> bytes | None:
        """Returns the stored outcome, or None."""
        with self._lock:
            kept = self._books.get(book_id)
            return None if kept is None else kept.decided.get((session, step))

    def controls(self, book_id: str) -> Controls:
        """Returns what people asked of the book."""
        with self._lock:
            kept = self._books.get(book_id)
            return Controls() if kept is None else kept.controls

    def set_controls(self, book_id: str, controls: Controls) -> None:
        """Writes what people ask of the book."""
        with self._lock:
            self._books.setdefault(book_id, _Kept()).controls = controls

    def rows(self, book_id: str, table: str, first: int | None = None, last: int | None = None) -> Sequence[Row]:
        """Returns ledger rows in the order of session and seq, from session ``first`` to ``last``, both inclusive."""
        with self._lock:
            kept = self._books.get(book_id)
            found = [] if kept is None else kept.rows[table]
            low, high = first or 0, last or 99_999_999
            return sorted((row for row in found if low <= _number(row[0]) <= high), key=lambda row: (row[0], row[1]))

    def journal(self, book_id: str, session: date) -> Sequence[JournalEntry]:
        """Returns the journal of a session, oldest first."""
        with self._lock:
            kept = self._books.get(book_id)
            return [] if kept is None else [entry for day, entry in kept.journal if day == session]

    def outbox(self, limit: int = 100, *, notifier: str | None = None) -> Sequence[Notice]:
        """Returns notices that were not delivered, or not by a notifier, oldest first."""
        with self._lock:
            waiting = [notice for key, notice in self._outbox.items() if not {(*key, None), (*key, notifier)} & self._delivered]
            return sorted(waiting, key=lambda notice: notice.at)[:limit]

    def lease_notice(self, book_id: str, key: str, notifier: str, lease_seconds: float) -> bool:
        """Takes the right to send a notice through one notifier."""
        name, now = (book_id, key, notifier), time.monotonic()
        with self._lock:
            free = name not in self._delivered and self._sending.get(name, now) <= now
            if free:
                self._sending[name] = now + lease_seconds
            return free

    def delivered(self, book_id: str, key: str, *, notifier: str | None = None) -> None:
        """Notes that a notice was delivered, by one notifier or by all."""
        with self._lock:
            self._delivered.add((book_id, key, notifier))

    def live_books(self) -> Sequence[str]:
        """Returns the ids of all books, in the order of their names."""
        with self._lock:
            return sorted(self._books)

    def simulated_account(self, name: str) -> tuple[int, str]:
        """Returns the version and the document of a simulated account."""
        with self._lock:
            return self._accounts.get(name, (0, ""))

    def save_simulated_account(self, name: str, version: int, document: str) -> bool:
        """Writes a simulated account, if nobody has written it since."""
        with self._lock:
            if self._accounts.get(name, (0, ""))[0] != version:
                return False
            self._accounts[name] = (version + 1, document)
            return True

    def close(self) -> None:
        """Does nothing: what is kept stays."""


def _append(kept: list[Row], added: Iterable[Row]) -> None:
    """Adds rows; their seq goes on from what the session has."""
    counts: dict[object, int] = {}
    for row in kept:
        counts[row[0]] = counts.get(row[0], 0) + 1
    for row in added:
        seq = counts.get(row[0], 0)
        counts[row[0]] = seq + 1
        kept.append((row[0], seq, *row[2:]))


def _number(value: object) -> int:
    return int(str(value))
