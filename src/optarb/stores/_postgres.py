"""Connections to PostgreSQL. Importing this needs the extra ``postgres``."""

from __future__ import annotations

import math
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.adapt import Dumper
from sqlalchemy import event

__all__ = ["postgres_engine"]


class _Float(Dumper):
    """Sends a float as text of no type: typed, PostgreSQL would round it to fit a column of integers."""

    def dump(self, obj: float) -> bytes | None:
        """Writes the shortest text that gives the same bits back; NaN becomes NULL, as in SQLite."""
        return None if math.isnan(obj) else repr(float(obj)).encode()


def postgres_engine(url: sa.URL, timeout_seconds: float) -> sa.Engine:
    """Makes the engine of a PostgreSQL database.

    Args:
        url: Where it is; what its query says about time-outs goes before ``timeout_seconds``.
        timeout_seconds: How long to wait for a connection, for an answer on a dead network, and for a lock.
    """
    times = {"connect_timeout": max(math.ceil(timeout_seconds), 1), "tcp_user_timeout": max(round(timeout_seconds * 1000), 1)}
    engine = sa.create_engine(
        url,
        connect_args={name: value for name, value in times.items() if name not in url.query},
        # Positional parameters, so that rows travel as the tuples they are. Rows stay out of error messages.
        paramstyle="format",
        hide_parameters=True,
        # A connection that the server has dropped is replaced before it is used.
        pool_pre_ping=True,
        max_overflow=-1,
    )

    def set_up(connection: psycopg.Connection[Any], _record: object) -> None:
        for kind in (float, "numpy.float64"):
            connection.adapters.register_dumper(kind, _Float)
        connection.execute(f"SET lock_timeout = {max(round(timeout_seconds * 1000), 1)}".encode())
        connection.commit()

    event.listen(engine, "connect", set_up)
    return engine
