"""The rows a book leaves behind: one table a kind, money in integer units of 1/10,000 dollar.

Every table begins with ``session`` (``YYYYMMDD`` as an integer) and ``seq`` (0, 1, 2 ... within that session and table), and a
store keeps them under the book's id. Rows travel as plain tuples in the order of the columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

__all__ = ["TABLES", "Column", "Row", "Rows", "Table", "session_date", "session_number"]

Row = tuple[int | str | float | None, ...]
"""Values in the order of the table's columns."""
Rows = Mapping[str, Iterable[Row]]
"""Rows by table name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table."""

    name: str
    """Name in SQL and in frames."""
    kind: Literal["int", "text", "real"]
    """What it holds; money is ``int``."""
    nullable: bool = False
    """Whether it may be None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One kind of row."""

    name: str
    """Name in SQL."""
    columns: tuple[Column, ...]
    """In the order of a row's values; the first two are ``session`` and ``seq``."""


def _table(name: str, columns: str) -> Table:
    """Reads ``"name:kind"`` words; a ``?`` marks what may be None."""
    parsed = []
    for word in f"session:int seq:int {columns}".split():
        column, _, kind = word.partition(":")
        parsed.append(Column(name=column, kind=kind.rstrip("?"), nullable=kind.endswith("?")))  # type: ignore[arg-type]
    return Table(name=name, columns=tuple(parsed))


TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        _table(
            "signals",
            "expert:text underlying:text direction:text confidence:real structure:text legs:text no_fit:text? reasons:text "
            "proposals:text",
        ),
        _table(
            "verdicts",
            "expert:text underlying:text verdict:text rule:text reason:text numbers:text units:int position_id:text?",
        ),
        _table("intents", "position_id:text purpose:text attempt:int units:int legs:text limit_price:int? reason:text"),
        _table(
            "fills",
            "position_id:text purpose:text contract:text quantity:int price:int fees:int bid:int? ask:int? taken_at:text? "
            "modelled:int cash:int feed:text? live:int?",
        ),
        _table("events", "position_id:text kind:text contract:text quantity:int price:int cash:int detail:text"),
        _table("exits", "position_id:text reason:text value:int gain:int held_sessions:int"),
        _table("marks", "position_id:text contract:text quantity:int mark:int quoted:int"),
        _table("notes", "position_id:text note:text"),
        _table(
            "equity",
            "cash:int positions_value:int equity:int realised:int invested:int open_positions:int unquoted:int has_chain:int",
        ),
    )
}
"""Every table of a book, in the order in which the digest reads them."""


def session_number(session: date) -> int:
    """Writes a session as the integer ``YYYYMMDD``."""
    return session.year * 10_000 + session.month * 100 + session.day


def session_date(number: int) -> date:
    """Reads the integer ``YYYYMMDD`` back."""
    return date(number // 10_000, number // 100 % 100, number % 100)
