"""To version 2: fills have their exact cash, and SQLite checks the types of what it stores."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic.operations import Operations

__all__ = ["upgrade"]

_PLAIN: Final = ("meta", "books", "documents", "blocks", "replies")
_WITHOUT_ROWID: Final = ("signals", "verdicts", "intents", "fills", "events", "exits", "marks", "notes", "equity")


def upgrade(op: Operations) -> None:
    """Adds ``fills.cash``, reckoned as the book did for every fill so far, and makes SQLite's tables strict.

    Args:
        op: Operations on the database, within a transaction.
    """
    op.add_column("fills", sa.Column("cash", sa.BigInteger))
    op.execute(sa.text("UPDATE fills SET cash = -price * quantity * 100"))  # every contract stands for 100 shares
    if op.get_context().dialect.name == "postgresql":
        op.alter_column("fills", "cash", nullable=False)
        return
    for table in (*_PLAIN, *_WITHOUT_ROWID):
        _make_strict(op, table)


def _make_strict(op: Operations, table: str) -> None:
    """Writes a table anew: SQLite cannot make one strict in place. A value of another type than its column's is refused."""
    options = {"sqlite_strict": True} | ({"sqlite_with_rowid": False} if table in _WITHOUT_ROWID else {})
    with op.batch_alter_table(table, recreate="always", table_kwargs=options) as batch:
        for column in sa.inspect(op.get_bind()).get_columns(table):
            if isinstance(column["type"], sa.BigInteger):
                batch.alter_column(column["name"], type_=sa.Integer())
            elif isinstance(column["type"], sa.Double):
                batch.alter_column(column["name"], type_=sa.REAL())
        if table == "fills":
            batch.alter_column("cash", nullable=False)
