"""An opened database: connections, transactions, and what its errors mean.

SQLAlchemy gives dialect, pool and schema. Transactions run on the driver itself, since a book is written in many small
ones.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPICursor

from optarb.errors import StoreUnavailable
from optarb.stores._addresses import Address
from optarb.stores._schema import Statement, statements_for
from optarb.stores._translation import translated_errors

__all__ = ["Database", "Transaction"]

_ONE_PICTURE: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class Transaction:
    """Runs statements within one transaction."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: DBAPICursor) -> None:
        self._cursor = cursor

    def run(self, statement: Statement, **values: object) -> int:
        """Runs a statement and returns how many rows it wrote."""
        self._cursor.execute(statement.text, statement.arguments(values))
        return self._cursor.rowcount

    def write_rows(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        """Writes rows: a statement of SQLite runs once for each, PostgreSQL's copies them all."""
        copy = getattr(self._cursor, "copy", None)
        if copy is None:
            self._cursor.executemany(statement, rows)
            return
        with copy(statement) as copying:
            for row in rows:
                copying.write_row(row)

    def first(self, statement: Statement, **values: object) -> tuple[Any, ...] | None:
        """Returns the first row of a query, or None."""
        self._cursor.execute(statement.text, statement.arguments(values))
        return cast("tuple[Any, ...] | None", self._cursor.fetchone())

    def all(self, statement: Statement, **values: object) -> list[tuple[Any, ...]]:
        """Returns every row of a query."""
        self._cursor.execute(statement.text, statement.arguments(values))
        return cast("list[tuple[Any, ...]]", self._cursor.fetchall())


class Database:
    """One opened database of this process."""

    def __init__(self, address: Address, engine: sa.Engine, timeout_seconds: float) -> None:
        self._address = address
        self._engine = engine
        self._timeout_seconds = timeout_seconds
        self.backend = engine.dialect.name
        self._is_sqlite = self.backend == "sqlite"
        # Threads of one process queue here instead of polling SQLite's lock. In memory there is one connection only, so
        # readers queue too.
        self._writers = threading.Lock() if self._is_sqlite else None
        self._readers = self._writers if address.in_memory else None
        self._file = _identity(address.file)
        self._closed = False
        self.statements = statements_for(self.backend)

    @contextlib.contextmanager
    def reading(self) -> Generator[Transaction]:
        """One consistent picture; takes no lock that a writer would wait for."""
        # PostgreSQL's driver begins by itself, and by default each statement sees what was committed before that statement.
        with self._transaction("BEGIN" if self._is_sqlite else _ONE_PICTURE, self._readers) as transaction:
            yield transaction

    @contextlib.contextmanager
    def writing(self) -> Generator[Transaction]:
        """All or nothing: committed at the end of the block, rolled back if it raises."""
        # A deferred BEGIN would have to trade its read lock for the write lock half-way, which SQLite refuses at once,
        # whatever the busy time-out, if another connection wrote in between.
        with self._transaction("BEGIN IMMEDIATE" if self._is_sqlite else None, self._writers) as transaction:
            yield transaction

    def close(self) -> None:
        """Closes the pooled connections; one at work in another thread is closed once it has ended its transaction.

        Books in memory stay for as long as the process lives.
        """
        self._closed = not self._address.in_memory
        self._engine.dispose()

    @contextlib.contextmanager
    def _transaction(self, begin: str | None, queue: threading.Lock | None) -> Generator[Transaction]:
        with self._turn(queue), translated_errors(self._address.shown):
            self._check_file()
            connection = self._engine.raw_connection()
            try:
                cursor = connection.cursor()
                if begin is not None:
                    cursor.execute(begin, ())
                yield Transaction(cursor)
                cursor.close()
                connection.commit()
            finally:
                if self._closed:
                    connection.detach()  # the pool that lent it is gone, and would never close it
                connection.close()  # back to the pool, which rolls back what is open

    @contextlib.contextmanager
    def _turn(self, queue: threading.Lock | None) -> Generator[None]:
        if queue is None:
            yield
            return
        if not queue.acquire(timeout=self._timeout_seconds):
            raise StoreUnavailable(
                f"store {self._address.shown!r} is locked: another thread of this process has been writing for more "
                f"than {self._timeout_seconds} s; try again later"
            )
        try:
            yield
        finally:
            queue.release()

    def _check_file(self) -> None:
        # SQLite goes on writing into a file that was deleted or replaced, and everything written there is lost.
        if self._file is not None and _identity(self._address.file) != self._file:
            raise StoreUnavailable(
                f"the file of store {self._address.shown!r} is gone or was replaced while it was open; put it back, "
                "or call close() on the store to open what is there now"
            )


def _identity(file: str | None) -> tuple[int, int] | None:
    if file is None:
        return None
    try:
        stat = Path(file).stat()
    except OSError:
        return (0, 0)
    return (stat.st_dev, stat.st_ino)
