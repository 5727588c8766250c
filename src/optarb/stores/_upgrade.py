"""Brings the tables of a database to this version of optarb."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from optarb.errors import AlreadyRunning
from optarb.stores._opening import begin_schema_change, ensure_schema, open_engine, refuse_other_version, stored_version
from optarb.stores._ownership import is_running
from optarb.stores._schema import SCHEMA_VERSION, books, live_books, meta
from optarb.stores._translation import translated_errors
from optarb.stores.schema_change import SchemaChange

if TYPE_CHECKING:
    from optarb.stores._addresses import Address

__all__ = ["upgrade_database"]

_LOG: Final = logging.getLogger("optarb.stores")


def upgrade_database(address: Address, *, timeout_seconds: float, synchronous: str) -> SchemaChange:
    """Changes the tables of a database step by step to this version's, in one transaction.

    Args:
        address: Where it is.
        timeout_seconds: How long to wait for a lock.
        synchronous: SQLite's setting of that name.

    Raises:
        AlreadyRunning: A book of the store is being run.
        SchemaMismatch: A newer optarb made the tables.
        StoreUnavailable: The database is locked, full or unreachable. Nothing has changed.
        StoreError: What is stored does not fit the new tables. Nothing has changed.
    """
    engine = open_engine(address, timeout_seconds=timeout_seconds, synchronous=synchronous)
    try:
        with translated_errors(address.shown):
            before = ensure_schema(engine)
            if before < SCHEMA_VERSION:
                before = _migrate(engine)
            else:
                refuse_other_version(address, before)
    finally:
        engine.dispose()
    if before < SCHEMA_VERSION:
        _LOG.info("store %r was upgraded from schema version %d to %d", address.shown, before, SCHEMA_VERSION)
    return SchemaChange(before=before, after=SCHEMA_VERSION)


def _migrate(engine: sa.Engine) -> int:
    """Takes every step that is missing, or none; returns the version before."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    from optarb.stores.migrations import STEPS

    with engine.connect() as connection:
        begin_schema_change(connection)
        if connection.dialect.name == "postgresql":
            # Claims and commits wait, also those of an older optarb that has the database open. SQLite's lock does that.
            for table in _that_exist(connection, books, live_books):
                connection.exec_driver_sql(f"LOCK TABLE {table.name} IN ACCESS EXCLUSIVE MODE")
        before = stored_version(connection) or SCHEMA_VERSION
        if before < SCHEMA_VERSION:  # no other process was first
            _refuse_if_running(connection)
            operations = Operations(MigrationContext.configure(connection))
            for version in range(before + 1, SCHEMA_VERSION + 1):
                STEPS[version](operations)
            connection.execute(sa.update(meta).values(schema_version=SCHEMA_VERSION))
        connection.commit()
    return before


def _refuse_if_running(connection: sa.Connection) -> None:
    now = time.time_ns() // 1000
    running = sa.select(books.c.book_id, books.c.owner, books.c.lease_until).where(books.c.status == "running")
    for book_id, owner, lease_until in connection.execute(running):
        if is_running(owner, claimant="", leased=lease_until is not None and lease_until > now):
            raise AlreadyRunning(
                f"book {book_id!r} is being run by {owner!r}, and the store's tables cannot be changed meanwhile; "
                "wait for it, or cancel it"
            )
    for table in _that_exist(connection, live_books):
        moved = sa.select(table.c.book_id, table.c.owner).where(table.c.lease_until > now)
        for book_id, owner in connection.execute(moved):
            raise AlreadyRunning(
                f"live book {book_id!r} is being moved by {owner!r}, and the store's tables cannot be changed meanwhile; "
                "wait for the end of its day"
            )


def _that_exist(connection: sa.Connection, *tables: sa.Table) -> list[sa.Table]:
    """Leaves out the tables that the database's version does not have yet."""
    inspector = sa.inspect(connection)
    return [table for table in tables if inspector.has_table(table.name)]
