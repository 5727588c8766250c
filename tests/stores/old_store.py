"""Databases as earlier versions of optarb made them."""

from __future__ import annotations

import time
from pathlib import Path

import sqlalchemy as sa
from tests.reports.hand_book import ROWS

from optarb.stores._addresses import address_of

FILLS_BEFORE_CASH = [row[:-3] for row in ROWS["fills"]]
"""Fills of a book worked out by hand, as version 1 kept them."""
FILLS_BEFORE_FEED = [row[:-2] for row in ROWS["fills"]]
"""The same as versions 2 and 3 kept them."""
LATER_COLUMNS = {("fills", name) for name in ("cash", "feed", "live")}
"""Columns that version 1 does not have."""


def make(url: str, version: int, *, lease_seconds: float = -60) -> None:
    """Makes a database of a version, with one unfinished book that is run under a lease, and a finished one."""
    engine = engine_of(url)
    lease = time.time_ns() // 1000 + round(lease_seconds * 1_000_000)
    with engine.begin() as connection:
        _make_tables(connection, version)
        books = [
            ("by-hand", "running", "somebody", 3, lease, 5, 6, "i", None, 0),
            ("other", "failed", "it's ☃", 1, None, 7, 2**53 + 1, "j", "why\n", 1),
        ]
        insert(connection, "books", books)
        insert(connection, "documents", [("by-hand", "spec", "{}"), ("by-hand", "plan", '{"☃": 1}')])
        blocks = [("by-hand", "trade", 20180102, "", 20180105, "", "d" * 64, bytes(range(256)))]
        insert(connection, "blocks", blocks)
        insert(connection, "replies", [("by-hand", "asked", b"\0reply", None, None), ("by-hand", "open", None, "one", 9)])
        for name, rows in {**ROWS, "fills": FILLS_BEFORE_CASH if version == 1 else FILLS_BEFORE_FEED}.items():
            insert(connection, name, [("by-hand", *row) for row in rows])
    engine.dispose()


def copy(source: str, target: str, version: int) -> None:
    """Makes a database of an earlier version from one of this version, leaving out columns that it does not have."""
    source_engine, target_engine = engine_of(source), engine_of(target)
    with source_engine.connect() as reading, target_engine.begin() as writing:
        _make_tables(writing, version)
        for table in sa.inspect(writing).get_table_names():
            names = ", ".join(column["name"] for column in sa.inspect(writing).get_columns(table))
            if table != "meta":
                insert(writing, table, reading.exec_driver_sql(f"SELECT {names} FROM {table}").all())
    source_engine.dispose()
    target_engine.dispose()


def _make_tables(connection: sa.Connection, version: int) -> None:
    script = Path(__file__).parent / "schemas" / f"{connection.dialect.name}-{version}.sql"
    for statement in script.read_text().split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)


def engine_of(url: str) -> sa.Engine:
    """A plain engine, which knows nothing of optarb."""
    return sa.create_engine(address_of(url).url)


def insert(connection: sa.Connection, table: str, rows: list[tuple]) -> None:
    """Inserts rows by position."""
    if not rows:
        return
    names = [column["name"] for column in sa.inspect(connection).get_columns(table)][: len(rows[0])]
    places = ", ".join(f":{name}" for name in names)
    statement = sa.text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})")
    connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])


def contents(url: str) -> dict[str, list[tuple]]:
    """Everything that is stored, by table; of fills without what version 1 does not have."""
    engine = engine_of(url)
    found = {}
    with engine.connect() as connection:
        for table in sorted(sa.inspect(connection).get_table_names()):
            names = [column["name"] for column in sa.inspect(connection).get_columns(table)]
            kept = ", ".join(name for name in names if (table, name) not in LATER_COLUMNS)
            rows = connection.exec_driver_sql(f"SELECT {kept} FROM {table}").all()
            found[table] = sorted((tuple(map(as_bytes, row)) for row in rows), key=repr)
    engine.dispose()
    return found


def as_bytes(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value


def shape(url: str) -> dict[str, object]:
    """Tables, columns, types and keys, as the database itself tells them."""
    engine = engine_of(url)
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        told: dict[str, object] = {}
        for table in inspector.get_table_names():
            columns = [
                (one["name"], repr(one["type"]), one["nullable"], one["default"]) for one in inspector.get_columns(table)
            ]
            rest = (
                inspector.get_indexes(table),
                inspector.get_unique_constraints(table),
                inspector.get_check_constraints(table),
            )
            told[table] = (columns, inspector.get_pk_constraint(table), rest)
        if engine.dialect.name == "sqlite":
            told["options"] = sorted(map(tuple, connection.exec_driver_sql("PRAGMA table_list").all()))
    engine.dispose()
    return told
