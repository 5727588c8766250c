"""Opens a database and makes sure of its tables."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.pool import QueuePool, StaticPool

from optarb.errors import MissingExtra, SchemaMismatch, StoreError
from optarb.stores._addresses import Address
from optarb.stores._database import Database
from optarb.stores._schema import METADATA, SCHEMA_VERSION, meta
from optarb.stores._translation import translated_errors

__all__ = ["begin_schema_change", "ensure_schema", "open_database", "open_engine", "refuse_other_version", "stored_version"]

_LOG: Final = logging.getLogger("optarb.stores")
_SCHEMA_LOCK: Final = 7_102_311  # any number, the same in every process
_STRICT_TABLES: Final = (3, 37, 0)
"""The first version of SQLite that has them."""


def open_database(address: Address, *, timeout_seconds: float, synchronous: str) -> Database:
    """Opens a database and makes sure that it has this version's tables.

    Args:
        address: Where it is.
        timeout_seconds: How long to wait for a lock, and for PostgreSQL to answer.
        synchronous: SQLite's setting of that name.

    Raises:
        StoreError: The file is no database or cannot be written.
        StoreUnavailable: It is locked, full or unreachable.
        SchemaMismatch: It was made by a version of optarb with other tables.
        MissingExtra: The driver is not installed.
    """
    engine = open_engine(address, timeout_seconds=timeout_seconds, synchronous=synchronous)
    try:
        with translated_errors(address.shown):
            refuse_other_version(address, ensure_schema(engine))
    except BaseException:
        engine.dispose()
        raise
    return Database(address, engine, timeout_seconds)


def open_engine(address: Address, *, timeout_seconds: float, synchronous: str) -> sa.Engine:
    """Makes the engine of a database; an SQLite file is made if it is not there, and set to write-ahead logging.

    Raises:
        StoreError: The file cannot be written.
        StoreUnavailable: It is locked.
        MissingExtra: The driver is not installed.
    """
    if address.url.get_backend_name() != "sqlite":
        try:
            from optarb.stores._postgres import postgres_engine
        except ModuleNotFoundError as error:
            raise MissingExtra.of("psycopg", "postgres") from error
        return postgres_engine(address.url, timeout_seconds)
    engine = _sqlite_engine(address, timeout_seconds, synchronous)
    try:
        with translated_errors(address.shown):
            if address.file is not None:
                _check_place(Path(address.file))
                _use_wal(engine, timeout_seconds, address.shown)
    except BaseException:
        engine.dispose()
        raise
    return engine


def ensure_schema(engine: sa.Engine) -> int:
    """Creates the tables in a database that has none.

    Returns:
        The version of the tables that are there.
    """
    with engine.connect() as connection:
        version = stored_version(connection)
    if version is None:
        with engine.connect() as connection:
            begin_schema_change(connection)
            version = stored_version(connection)
            if version is None:  # no other process was first
                METADATA.create_all(connection)
                connection.execute(sa.insert(meta).values(schema_version=SCHEMA_VERSION))
                version = SCHEMA_VERSION
            connection.commit()
    return version


def begin_schema_change(connection: sa.Connection) -> None:
    """Begins a transaction in which no other process changes the tables."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))


def stored_version(connection: sa.Connection) -> int | None:
    """Returns the version of the tables in a database; None if it has none."""
    if not sa.inspect(connection).has_table(meta.name):
        return None
    return connection.execute(sa.select(meta.c.schema_version)).scalar()


def refuse_other_version(address: Address, version: int) -> None:
    """Refuses tables that this optarb does not read and write.

    Raises:
        SchemaMismatch: The version is not :data:`~optarb.stores._schema.SCHEMA_VERSION`.
    """
    if version == SCHEMA_VERSION:
        return
    advice = "update optarb, or name another store"
    if version < SCHEMA_VERSION:
        advice = "run: optarb store upgrade --desk ... (or call upgrade() on the store)"
    raise SchemaMismatch(
        f"store {address.shown!r} has schema version {version}, this optarb reads and writes version {SCHEMA_VERSION}; {advice}"
    )


def _sqlite_engine(address: Address, timeout_seconds: float, synchronous: str) -> sa.Engine:
    if sqlite3.sqlite_version_info < _STRICT_TABLES:
        raise StoreError(
            f"an SQLite store needs SQLite 3.37 or later, this Python has {sqlite3.sqlite_version}; use another Python, "
            "or a store in PostgreSQL"
        )
    engine = sa.create_engine(
        address.url,
        poolclass=StaticPool if address.in_memory else QueuePool,
        # No driver magic: transactions begin where this package says BEGIN. Connections wander between threads.
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
