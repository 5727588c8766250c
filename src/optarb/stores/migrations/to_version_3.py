"""To version 3: live books, their decisions, journal and notices."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

__all__ = ["upgrade"]


def upgrade(op: Operations) -> None:
    """Adds the tables of live books; nothing that is stored changes.

    Args:
        op: Operations on the database, within a transaction.
    """
    whole: Any = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    _create(
        op,
        "live_books",
        sa.Column("book_id", sa.Text, primary_key=True),
        sa.Column("version", whole, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("session", whole),
        sa.Column("lease_until", whole),
        sa.Column("halted", sa.Integer, nullable=False),
        sa.Column("flatten", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("changed_at", whole),
    )
    _create(
        op,
        "live_decisions",
        sa.Column("book_id", sa.Text, primary_key=True),
        sa.Column("session", whole, primary_key=True, autoincrement=False),
        sa.Column("step", sa.Text, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    _create(
        op,
        "live_journal",
        sa.Column("book_id", sa.Text, primary_key=True),
        sa.Column("session", whole, primary_key=True, autoincrement=False),
        sa.Column("seq", whole, primary_key=True, autoincrement=False),
        sa.Column("at", whole, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("kind", "subject", "detail")),
        sqlite_with_rowid=False,
    )
    _create(
        op,
        "live_notices",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("book_id", "key")),
        *(sa.Column(name, whole, nullable=False) for name in ("seq", "at", "session")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("severity", "title", "text")),
        sa.Column("settled", sa.Integer, nullable=False),
    )
    op.create_index("live_notices_waiting", "live_notices", ["settled", "at"])
    _create(
        op,
        "live_deliveries",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("book_id", "key", "notifier")),
        sa.Column("lease_until", whole, nullable=False),
        sa.Column("delivered", sa.Integer, nullable=False),
    )


def _create(op: Operations, name: str, *columns: sa.Column[Any], **options: Any) -> None:
    op.create_table(name, *columns, sqlite_strict=True, **options)
