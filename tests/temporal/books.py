"""All that a store holds of a book, for comparisons to the last byte."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

# What two runs of one spec may differ in: names, owners, clocks, and how long it took.
_OWN = {"book_id", "owner", "lease_until"}
_DOCUMENTS = {"plan", "inputs", "report"}


def everything(database: Path) -> list[str]:
    """Returns every row of every table, with owners and clocks."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return list(connection.iterdump())


def contents(database: Path, book_id: str) -> dict[str, list[tuple]]:
    """Returns every row of a book by table, sorted, without what two runs of one spec may differ in."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        found = {}
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in names:
            columns = [column[1] for column in connection.execute(f"PRAGMA table_info({table})")]
            if table == "books" or "book_id" not in columns:
                continue
            wanted = ", ".join(f'"{column}"' for column in columns if column not in _OWN)
            rows = connection.execute(f"SELECT {wanted} FROM {table} WHERE book_id = ?", (book_id,))
            found[table] = sorted(rows, key=repr)
    found["documents"] = [row for row in found["documents"] if row[0] in _DOCUMENTS]
    return found


def difference(one: dict[str, list[tuple]], other: dict[str, list[tuple]]) -> str:
    """Says in which tables two books differ; nothing if they do not. The books themselves would fill pages."""
    assert one.keys() == other.keys()
    differing = {name: (len(one[name]), len(other[name])) for name in one if one[name] != other[name]}
    return json.dumps(differing) if differing else ""
