"""To version 4: fills name their feed and whether money was real; simulated accounts have a place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

__all__ = ["upgrade"]


def upgrade(op: Operations) -> None:
    """Adds ``fills.feed`` and ``fills.live``, which no earlier fill knows, and the table of simulated accounts.

    Args:
        op: Operations on the database, within a transaction.
    """
    whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("fills", sa.Column("feed", sa.Text))
    op.add_column("fills", sa.Column("live", whole))
    op.create_table(
        "simulated_accounts",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version", whole, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_strict=True,
    )
