"""An opened database: connections, transactions, and what its errors mean.

SQLAlchemy gives dialect, pool and schema. Transactions run on the driver itself, since a book is written in many small
ones.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.pool import QueuePool, StaticPool

from optarb.errors import MissingExtra, SchemaMismatch, StoreError, StoreUnavailable
from optarb.stores._addresses import Address
from optarb.stores._schema import METADATA, SCHEMA_VERSION, Statement, meta, statements_for

__all__ = ["Database", "Transaction", "open_database"]

_LOG: Final = logging.getLogger("optarb.stores")
# SQLite: busy, locked, i/o error, full, cannot open, locking protocol. The same call may work later.
_SQLITE_PASSING: Final = frozenset({5, 6, 10, 13, 14, 15})
_SQLITE_NO_DATABASE: Final = frozenset({11, 26})  # corrupt, not a database
_SCHEMA_LOCK: Final = 7_102_311  # any number, the same in every process


class Transaction:
    """Runs statements within one transaction."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: DBAPICursor) -> None:
        self._cursor = cursor

    def run(self, statement: Statement, **values: object) -> int:
        """Runs a statement and returns how many rows it wrote."""
        self._cursor.execute(statement.text, statement.arguments(values))
        return self._cursor.rowcount

    def run_many(self, text: str, rows: Sequence[Sequence[Any]]) -> None:
        """Runs a statement once for each row."""
        self._cursor.executemany(text, rows)

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
        self._is_sqlite = engine.dialect.name == "sqlite"
        # Threads of one process queue here instead of polling SQLite's lock. In memory there is one connection only, so
        # readers queue too.
        self._writers = threading.Lock() if self._is_sqlite else None
        self._readers = self._writers if address.in_memory else None
        self._file = _identity(address.file)
        self.statements = statements_for(engine.dialect.name)

    @contextlib.contextmanager
    def reading(self) -> Generator[Transaction]:
        """One consistent picture; takes no lock that a writer would wait for."""
        with self._transaction("BEGIN", self._readers) as transaction:
            yield transaction

    @contextlib.contextmanager
    def writing(self) -> Generator[Transaction]:
        """All or nothing: committed at the end of the block, rolled back if it raises."""
        # A deferred BEGIN would have to trade its read lock for the write lock half-way, which SQLite refuses at once,
        # whatever the busy time-out, if another connection wrote in between.
        with self._transaction("BEGIN IMMEDIATE", self._writers) as transaction:
            yield transaction

    def close(self) -> None:
        """Closes the pooled connections. Books in memory stay for as long as the process lives."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _transaction(self, begin: str, queue: threading.Lock | None) -> Generator[Transaction]:
        with self._turn(queue), translated_errors(self._address.shown):
            self._check_file()
            connection = self._engine.raw_connection()
            try:
                cursor = connection.cursor()
                if self._is_sqlite:  # PostgreSQL's driver begins by itself
                    cursor.execute(begin, ())
                yield Transaction(cursor)
                cursor.close()
                connection.commit()
            finally:
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


@contextlib.contextmanager
def translated_errors(shown: str) -> Generator[None]:
    """Turns errors of drivers and of SQLAlchemy into errors of optarb.

    Args:
        shown: Address for people.

    Raises:
        StoreUnavailable: The same call may work later.
        StoreError: It will not.
    """
    try:
        yield
    except exc.SQLAlchemyError as error:
        cause = error.orig if isinstance(error, exc.DBAPIError) and error.orig is not None else error
        raise _translated(cause, shown) from cause
    except Exception as error:
        # PEP 249 prescribes these names; importing every driver to know its classes would be the heavier way.
        if not any(base.__name__ == "Error" and base.__module__ in {"sqlite3", "psycopg"} for base in type(error).__mro__):
            raise
        raise _translated(error, shown) from error


def _translated(error: BaseException, shown: str) -> StoreError:
    names = {base.__name__ for base in type(error).__mro__}
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        passing = bool(names & {"OperationalError", "InterfaceError", "TimeoutError"})
    else:
        passing = code & 0xFF in _SQLITE_PASSING
        if code & 0xFF in _SQLITE_NO_DATABASE:
            return StoreError(f"store {shown!r} is no usable SQLite database ({error}); name another file, or restore a backup")
    if passing:
        return StoreUnavailable(f"store {shown!r} cannot be used right now ({error}); try again later")
    return StoreError(f"store {shown!r} refused what was asked: {type(error).__name__}: {error}")


def open_database(address: Address, *, timeout_seconds: float, synchronous: str) -> Database:
    """Opens a database and makes sure that it has this version's tables.

    Args:
        address: Where it is.
        timeout_seconds: How long to wait for a lock.
        synchronous: SQLite's setting of that name.

    Raises:
        StoreError: The file is no database or cannot be written.
        StoreUnavailable: It is locked, full or unreachable.
        SchemaMismatch: It was made by a version of optarb with other tables.
        MissingExtra: The driver is not installed.
    """
    engine = _engine(address, timeout_seconds, synchronous)
    try:
        with translated_errors(address.shown):
            if address.file is not None:
                _check_place(Path(address.file))
                _use_wal(engine, timeout_seconds, address.shown)
            _prepare_schema(engine, address.shown)
    except BaseException:
        engine.dispose()
        raise
    return Database(address, engine, timeout_seconds)


def _engine(address: Address, timeout_seconds: float, synchronous: str) -> sa.Engine:
    if address.url.get_backend_name() != "sqlite":
        try:
            # Positional parameters, so that rows travel as the tuples they are. Rows stay out of error messages.
            return sa.create_engine(address.url, paramstyle="format", hide_parameters=True, pool_pre_ping=True)
        except ModuleNotFoundError as error:
            raise MissingExtra.of("psycopg", "postgres") from error
    engine = sa.create_engine(
        address.url,
        poolclass=StaticPool if address.in_memory else QueuePool,
        # No driver magic: transactions begin where this module says BEGIN. Connections wander between threads.
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": timeout_seconds},
        hide_parameters=True,
        **({} if address.in_memory else {"pool_size": 4, "max_overflow": -1}),
    )

    def set_up(connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA synchronous={synchronous}").close()

    event.listen(engine, "connect", set_up)
    return engine


def _check_place(file: Path) -> None:
    if file.is_dir():
        raise StoreError(f"the store's file {str(file)!r} is a folder; name a file in it")
    if not file.parent.is_dir():
        raise StoreError(f"the folder of the store's file {str(file)!r} does not exist; create it, or name another")
    if not os.access(file.parent, os.W_OK):  # the log lies beside the file
        raise StoreError(f"the folder of the store's file {str(file)!r} cannot be written; check its permissions")
    if file.exists():
        try:
            file.open("r+b").close()
        except OSError as error:
            raise StoreError(
                f"the store's file {str(file)!r} cannot be written ({error.strerror}); check its permissions"
            ) from error


def _use_wal(engine: sa.Engine, timeout_seconds: float, shown: str) -> None:
    """Turns on write-ahead logging, which the file remembers: readers and the writer do not wait for each other."""
    deadline = time.monotonic() + timeout_seconds
    with engine.connect() as connection:
        mode = None
        while mode is None:
            try:
                mode = connection.exec_driver_sql("PRAGMA journal_mode=WAL").scalar_one()
            except exc.OperationalError:
                # While another process turns it on, SQLite reports the lock at once instead of waiting its time-out.
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.005)
    if mode != "wal":
        _LOG.warning("store %r cannot use write-ahead logging (a network file system?); it will be slower", shown)


def _prepare_schema(engine: sa.Engine, shown: str) -> None:
    version = _stored_version(engine)
    if version is None:
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
            # Another process may have been first.
            if not sa.inspect(connection).has_table(meta.name):
                METADATA.create_all(connection)
                connection.execute(sa.insert(meta).values(schema_version=SCHEMA_VERSION))
            connection.commit()
        version = _stored_version(engine)
    if version != SCHEMA_VERSION:
        raise SchemaMismatch(
            f"store {shown!r} has schema version {version}, this optarb reads and writes version {SCHEMA_VERSION}; "
            "use the version of optarb that made it, or name a new store"
        )


def _stored_version(engine: sa.Engine) -> int | None:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(meta.name):
            return None
        return connection.execute(sa.select(meta.c.schema_version)).scalar()
