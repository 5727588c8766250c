"""Live books in the database of an :class:`~optarb.stores.SqlStore`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from optarb.errors import BookNotFound, ConfigurationError
from optarb.ledger.rows import Row, Rows, session_date, session_number
from optarb.protocols.trading import BookState, Controls, JournalEntry, Lease, Notice
from optarb.stores._claims import LIVE
from optarb.stores._instants import instant, micros, now_micros, span_micros
from optarb.stores.sql import SqlStore, known_table

if TYPE_CHECKING:
    from optarb.stores._database import Database, Transaction
    from optarb.stores._schema import Statement
    from optarb.stores._trading_statements import TradingStatements

__all__ = ["SqlTradingStore"]


@dataclass(frozen=True, kw_only=True)
class SqlTradingStore:
    """Keeps live books in a database, beside the backtests; :attr:`optarb.SqlStore.trading` builds it.

    Building one opens nothing. The ledger rows of a live book lie in the same tables as those of backtests, under
    ``live:<book id>``, which no backtest may bear: a backtest of the same name shares nothing with it. A row of the table
    ``live_books`` is what all writers of a book queue for; each method is one transaction.
    """

    books: SqlStore
    """The store whose database it is, with ``synchronous="full"``: an order's intent must be on the disk before it is sent."""

    def __post_init__(self) -> None:
        """Checks the parameters."""
        if self.books.synchronous != "full":
            raise ConfigurationError("live books need a store with synchronous='full'; take them from SqlStore.trading")

    @property
    def is_shared(self) -> bool:
        """Whether other processes see what is written here: False in memory."""
        return self.books.is_shared

    def acquire(self, book_id: str, lease: Lease, *, now: datetime, take_over: bool = False) -> bool:
        """Takes or prolongs the right to move a book; see :meth:`optarb.protocols.trading.TradingStore.acquire`."""
        at, until = micros(now), micros(lease.until)
        session = session_number(lease.session)
        database, sql = self._opened()
        with database.writing() as transaction:
            transaction.run(sql.create_book, book_id=book_id)
            _, owner, held_session, held_until = transaction.first(sql.lock_book, book_id=book_id) or (0, None, 0, 0)
            free = owner in {None, lease.owner} or held_until <= at or held_session < session
            if not (free or take_over):
                return False
            transaction.run(sql.write_lease, book_id=book_id, new_owner=lease.owner, new_session=session, until=until)
        return True

    def release(self, book_id: str, owner: str) -> None:
        """Gives the right back; nothing happens if another holds it."""
        database, sql = self._opened()
        with database.writing() as transaction:
            transaction.run(sql.release, book_id=book_id, holder=owner)

    def load(self, book_id: str) -> BookState:
        """Returns the book as it is stored.

        Raises:
            BookNotFound: No such book.
        """
        database, sql = self._opened()
        with database.reading() as transaction:
            row = transaction.first(sql.read_book, book_id=book_id)
        if row is None:
            raise BookNotFound(f"no live book {book_id!r} in this store; live_books() lists those that are")
        version, document, owner, session, until = row
        lease = None if owner is None else Lease(owner=owner, session=session_date(session), until=instant(until))
        return BookState(book_id=book_id, version=version, document=document, lease=lease)

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
        """Writes all of it, or nothing if somebody else has written or holds the lease.

        Raises:
            UnknownName: There is no such table.
            ValueError: An instant is naive.
        """
        # Made before the transaction: what they cost must not be paid while others wait for the lock.
        tables = {known_table(name): list(added) for name, added in rows.items()}
        entries = [_entry_values(entry) for entry in journal]
        raised = [_notice_values(notice) for notice in notices]
        database, sql = self._opened()
        with database.writing() as transaction:
            found = transaction.first(sql.lock_book, book_id=book_id)
            if found is None or found[:2] != (version, owner):
                return False
            transaction.run(sql.write_document, book_id=book_id, new_version=version + 1, new_document=document)
            for table, added in tables.items():
                numbered = _numbered(transaction, sql.next_seq[table], LIVE + book_id, added)
                if numbered:
                    transaction.write_rows(database.statements.write_rows[table], numbered)
            _write_journal(transaction, sql, book_id, found[2], entries)
            _write_notices(transaction, sql, book_id, raised)
        return True

    def once(self, book_id: str, session: date, step: str, body: bytes) -> bytes:
        """Stores the outcome of a step, and returns the one that is stored: the first wins."""
        database, sql = self._opened()
        place = {"book_id": book_id, "session": session_number(session), "step": step}
        with database.writing() as transaction:
            transaction.run(sql.create_book, book_id=book_id)
            if transaction.run(sql.create_decision, **place, body=body):
                return body
            row = transaction.first(sql.read_decision, **place)
        return body if row is None else bytes(row[0])

    def decided(self, book_id: str, session: date, step: str) -> bytes | None:
        """Returns the stored outcome of a step, or None."""
        database, sql = self._opened()
        with database.reading() as transaction:
            row = transaction.first(sql.read_decision, book_id=book_id, session=session_number(session), step=step)
        return None if row is None else bytes(row[0])

    def controls(self, book_id: str) -> Controls:
        """Returns what people asked of the book; nothing, for a book that does not exist yet."""
        database, sql = self._opened()
        with database.reading() as transaction:
            row = transaction.first(sql.read_controls, book_id=book_id)
        if row is None:
            return Controls()
        halted, flatten, reason, changed_at = row
        at = None if changed_at is None else instant(changed_at)
        return Controls(halted=bool(halted), flatten=bool(flatten), reason=reason, changed_at=at)

    def set_controls(self, book_id: str, controls: Controls) -> None:
        """Writes what people ask of the book; the book is created if it does not exist."""
        values: dict[str, Any] = {"new_halted": int(controls.halted), "new_flatten": int(controls.flatten)}
        values["new_changed_at"] = None if controls.changed_at is None else micros(controls.changed_at)
        database, sql = self._opened()
        with database.writing() as transaction:
            transaction.run(sql.create_book, book_id=book_id)
            transaction.run(sql.write_controls, book_id=book_id, new_reason=controls.reason, **values)

    def rows(self, book_id: str, table: str, first: int | None = None, last: int | None = None) -> Sequence[Row]:
        """Returns ledger rows in the order of session and seq; see :meth:`optarb.SqlStore.rows`."""
        return self.books.rows(LIVE + book_id, table, first, last)

    def journal(self, book_id: str, session: date) -> Sequence[JournalEntry]:
        """Returns the journal of a session, oldest first."""
        database, sql = self._opened()
        with database.reading() as transaction:
            found = transaction.all(sql.read_journal, book_id=book_id, session=session_number(session))
        return [JournalEntry(at=instant(at), kind=kind, subject=subject, detail=detail) for at, kind, subject, detail in found]

    def outbox(self, limit: int = 100, *, notifier: str | None = None) -> Sequence[Notice]:
        """Returns notices that were not delivered, or not by a notifier, oldest first."""
        database, sql = self._opened()
        with database.reading() as transaction:
            if notifier is None:
                found = transaction.all(sql.read_outbox, limit=limit)
            else:
                found = transaction.all(sql.read_queue, limit=limit, notifier=notifier)
        return [_notice(row) for row in found]

    def lease_notice(self, book_id: str, key: str, notifier: str, lease_seconds: float) -> bool:
        """Takes the right to send a notice through one notifier; False while somebody has it, and once it was delivered."""
        database, sql = self._opened()
        place = {"book_id": book_id, "key": key, "notifier": notifier}
        now = now_micros()
        with database.writing() as transaction:
            return transaction.run(sql.lease_notice, **place, until=now + span_micros(lease_seconds), now=now) > 0

    def delivered(self, book_id: str, key: str, *, notifier: str | None = None) -> None:
        """Notes that a notice was delivered, by one notifier or by all."""
        database, sql = self._opened()
        with database.writing() as transaction:
            if notifier is None:
                transaction.run(sql.settle, book_id=book_id, this_key=key)
            else:
                transaction.run(sql.write_delivery, book_id=book_id, key=key, notifier=notifier)

    def live_books(self) -> Sequence[str]:
        """Returns the ids of all live books, in the order of their names."""
        database, sql = self._opened()
        with database.reading() as transaction:
            found = transaction.all(sql.list_books)
        return sorted(row[0] for row in found)  # a database may order text by the rules of some language

    def simulated_account(self, name: str) -> tuple[int, str]:
        """Returns the version and the document of a simulated account: 0 and ``""`` for one that was never saved."""
        database, sql = self._opened()
        with database.reading() as transaction:
            row = transaction.first(sql.read_account, name=name)
        return (0, "") if row is None else (row[0], row[1])

    def save_simulated_account(self, name: str, version: int, document: str) -> bool:
        """Writes a simulated account; False if somebody has written it since that version."""
        database, sql = self._opened()
        with database.writing() as transaction:
            if version == 0:
                return transaction.run(sql.create_account, name=name, document=document) > 0
            moved = {"old_version": version, "new_version": version + 1, "new_document": document}
            return transaction.run(sql.write_account, name=name, **moved) > 0

    def close(self) -> None:
        """Closes this process's connections; the next call opens them again. Books in memory stay."""
        self.books.close()

    def _opened(self) -> tuple[Database, TradingStatements]:
        from optarb.stores._trading_statements import trading_statements_for

        database = self.books._database()  # noqa: SLF001 - one room, one connection
        return database, trading_statements_for(database.backend)


def _numbered(transaction: Transaction, next_seq: Statement, place: str, added: Iterable[Row]) -> list[tuple[Any, ...]]:
    """Gives ledger rows their place; their seq goes on from what the table has of their session."""
    following: dict[Any, int] = {}
    numbered: list[tuple[Any, ...]] = []
    for session, _, *values in added:
        if session not in following:
            following[session] = (transaction.first(next_seq, book_id=place, session=session) or (0,))[0]
        numbered.append((place, session, following[session], *values))
        following[session] += 1
    return numbered


def _write_journal(
    transaction: Transaction, sql: TradingStatements, book_id: str, session: int, entries: Iterable[Mapping[str, Any]]
) -> None:
    first = (transaction.first(sql.next_entry, book_id=book_id, session=session) or (0,))[0]
    for seq, entry in enumerate(entries, first):
        transaction.run(sql.create_entry, book_id=book_id, session=session, seq=seq, **entry)


def _write_notices(
    transaction: Transaction, sql: TradingStatements, book_id: str, notices: Sequence[Mapping[str, Any]]
) -> None:
    """Adds notices whose key the book has not used."""
    if not notices:
        return
    seq = (transaction.first(sql.count_notices, book_id=book_id) or (0,))[0]
    for notice in notices:
        seq += transaction.run(sql.create_notice, book_id=book_id, seq=seq, settled=0, **notice)


def _entry_values(entry: JournalEntry) -> dict[str, Any]:
    return {"at": micros(entry.at), "kind": entry.kind, "subject": entry.subject, "detail": entry.detail}


def _notice_values(notice: Notice) -> dict[str, Any]:
    values: dict[str, Any] = {"key": notice.key, "severity": notice.severity, "title": notice.title, "text": notice.text}
    return values | {"session": session_number(notice.session), "at": micros(notice.at)}


def _notice(row: Sequence[Any]) -> Notice:
    book_id, key, session, severity, title, text, at = row
    return Notice(
        key=key,
        severity=severity,
        title=title,
        text=text,
        book_id=book_id,
        session=session_date(session),
        at=instant(at),
    )
