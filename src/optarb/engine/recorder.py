"""Collects the rows of a session, numbering each table's from 0."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from optarb.domain.money import to_units
from optarb.ledger.rows import TABLES

if TYPE_CHECKING:
    from optarb.domain.quotes import Quote
    from optarb.ledger.book import FillRecord
    from optarb.ledger.rows import Row

__all__ = ["Recorder"]


class Recorder:
    """Rows by table, and counts of what happened that are no part of the ledger."""

    def __init__(self) -> None:
        """Starts empty."""
        self.rows: dict[str, list[Row]] = {name: [] for name in TABLES if name != "signals"}
        self.counts: dict[str, int] = {}
        self._session = 0
        self._next: dict[str, int] = {}

    def begin(self, session: int) -> None:
        """Starts a session: every table counts from 0 again."""
        self._session = session
        self._next = dict.fromkeys(self.rows, 0)

    def add(self, table: str, *values: str | float | None) -> None:
        """Adds a row; session and seq are put before the values."""
        seq = self._next[table]
        self._next[table] = seq + 1
        self.rows[table].append((self._session, seq, *values))

    def count(self, what: str, n: int = 1) -> None:
        """Counts something that the report tells."""
        self.counts[what] = self.counts.get(what, 0) + n

    def fill(self, record: FillRecord, quote: Quote | None, *, feed: str | None = None, live: bool | None = None) -> None:
        """Adds a fill with the quote it was made on, and in a live day the feed it came from and whether money was real."""
        taken = None if quote is None or quote.taken_at is None else _instant(quote.taken_at)
        self.add(
            "fills",
            record.position_id,
            str(record.purpose),
            record.contract.symbol,
            record.quantity,
            record.price,
            record.fees,
            None if quote is None else to_units(quote.bid),
            None if quote is None else to_units(quote.ask),
            taken,
            int(record.modelled),
            record.cash,
            feed,
            None if live is None else int(live),
        )

    def drain(self) -> tuple[Mapping[str, list[Row]], Mapping[str, int]]:
        """Returns what was collected and starts empty."""
        rows, counts = self.rows, self.counts
        self.rows = {name: [] for name in rows}
        self.counts = {}
        return rows, counts


def _instant(instant: datetime) -> str:
    return instant.isoformat()
