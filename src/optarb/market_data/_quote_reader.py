"""Option quotes from files of rows, as tables of whole sessions that follow each other in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from optarb.domain.quote_table import QuoteTable
from optarb.market_data._bar_reader import only_symbol
from optarb.market_data._columns import ColumnReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.market_data._table_files import TableFile

__all__ = ["QuoteReader"]

_NEEDED = ("session", "root", "expiry", "right", "strike", "bid", "ask")
_TABLE_ROWS = 262_144
_PER_ROW = (
    "sessions",
    "root_indices",
    "expiries",
    "calls",
    "strikes",
    "bids",
    "asks",
    "underlying_prices",
    "taken_at",
)
_SIZES = {"bid_sizes": "bid_size", "ask_sizes": "ask_size"}
"""Columns that are read if a file has them, by their names in a table."""


class _Span(NamedTuple):
    """What a file holds of the sessions asked for."""

    reader: ColumnReader
    first: np.datetime64
    last: np.datetime64
    ordered: bool
    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteReader:
    """Reads the quotes of one underlying."""

    symbol: str
    """The underlying."""
    files: Sequence[TableFile]
    """Where they lie."""
    names: Mapping[str, str]
    """The files' column names by ours."""
    taken_at: Callable[[date], np.datetime64] | None
    """When a session's quotes were taken, ``datetime64[s]`` in UTC, or NaT; None to read the column ``taken_at``."""
    rounded_up: bool = False
    """Whether parts of a second in that column count as a whole one, so that no quote seems older than it is."""

    def tables(self, start: date, end: date) -> Iterator[QuoteTable]:
        """Yields the quotes of the sessions from start to end, both inclusive.

        Files whose sessions do not overlap and are in order are streamed; else all are read and sorted by session.
        """
        low, high = np.datetime64(start, "D"), np.datetime64(end, "D")
        spans = [span for file in self.files if (span := self._span(file, low, high)) is not None]
        spans.sort(key=lambda span: (span.first, span.last))
        apart = all(one.last < other.first for one, other in pairwise(spans))
        roots: dict[str, int] = {}
        if apart and all(span.ordered for span in spans):
            for span in spans:
                yield from self._streamed(span, roots)
        elif spans:
            yield from self._sorted(spans, low, high, roots)

    def _span(self, file: TableFile, low: np.datetime64, high: np.datetime64) -> _Span | None:
        reader = ColumnReader(file, self.names)
        sessions = reader.dates(file.read([reader.theirs("session")]), "session")
        days = sessions.view(np.int64)
        inside = (sessions >= low) & (sessions <= high)
        if not inside.any():
            return None
        ordered = bool((days[1:] >= days[:-1]).all()) and not file.file.shared
        start, stop = (np.searchsorted(sessions, low), np.searchsorted(sessions, high, "right")) if ordered else (0, 0)
        wanted = sessions[start:stop] if ordered else sessions[inside]
        return _Span(reader, np.min(wanted), np.max(wanted), ordered, int(start), int(stop))

    def _streamed(self, span: _Span, roots: dict[str, int]) -> Iterator[QuoteTable]:
        held: dict[str, Any] | None = None
        for rows in span.reader.table.batches(self._wanted(span.reader), span.start, span.stop):
            columns = self._converted(span.reader, rows, roots)
            if held is not None:
                # The last session of a piece may go on in the next.
                cut = int(np.searchsorted(held["sessions"], held["sessions"][-1]))
                if cut:
                    yield _table(held, roots, 0, cut)
                columns = {name: np.concatenate((held[name][cut:], column)) for name, column in columns.items()}
            held = columns
        if held is not None:
            yield _table(held, roots, 0, len(held["sessions"]))

    def _sorted(
        self, spans: Sequence[_Span], low: np.datetime64, high: np.datetime64, roots: dict[str, int]
    ) -> Iterator[QuoteTable]:
        parts = []
        for span in spans:
            rows = span.reader.table.read(self._wanted(span.reader))
            if span.reader.table.file.shared:
                rows = only_symbol(span.reader, rows, self.symbol)
            parts.append(self._converted(span.reader, rows, roots))
        names = (*_PER_ROW, *(name for name in _SIZES if any(name in part for part in parts)))
        columns = {name: np.concatenate([part.get(name, _unknown(part)) for part in parts]) for name in names}
        order = np.argsort(columns["sessions"], kind="stable")
        sessions = columns["sessions"][order]
        order = order[np.searchsorted(sessions, low) : np.searchsorted(sessions, high, "right")]
        columns = {name: column[order] for name, column in columns.items()}
        start, sessions = 0, columns["sessions"]
        while start < len(sessions):
            last = sessions[min(start + _TABLE_ROWS, len(sessions)) - 1]
            stop = int(np.searchsorted(sessions, last, "right"))
            yield _table(columns, roots, start, stop)
            start = stop

    def _wanted(self, reader: ColumnReader) -> list[str]:
        ours = list(_NEEDED)
        ours += ["underlying_price"] if reader.has("underlying_price") else []
        ours += ["taken_at"] if self.taken_at is None else []
        ours += [name for name in _SIZES.values() if reader.has(name)]
        ours += ["symbol"] if reader.table.file.shared else []
        return list(dict.fromkeys(reader.theirs(name) for name in ours))

    def _converted(self, reader: ColumnReader, rows: Any, roots: dict[str, int]) -> dict[str, Any]:
        words, indices = reader.words(rows, "root")
        table = np.array([roots.setdefault(word, len(roots)) for word in words], dtype=np.int64)
        sessions = reader.dates(rows, "session")
        if self.rounded_up:
            rows = _rounded_up(rows, reader.theirs("taken_at"))
        priced = reader.has("underlying_price")
        sizes = {name: reader.numbers(rows, ours) for name, ours in _SIZES.items() if reader.has(ours)}
        return sizes | {
            "sessions": sessions,
            "root_indices": table[indices],
            "expiries": reader.dates(rows, "expiry"),
            "calls": reader.calls(rows, "right"),
            "strikes": reader.numbers(rows, "strike"),
            "bids": reader.numbers(rows, "bid"),
            "asks": reader.numbers(rows, "ask"),
            "underlying_prices": (reader.numbers(rows, "underlying_price") if priced else np.full(len(sessions), np.nan)),
            "taken_at": (reader.instants(rows, "taken_at") if self.taken_at is None else _each(sessions, self.taken_at)),
        }


def _each(sessions: NDArray[np.datetime64], taken_at: Callable[[date], np.datetime64]) -> NDArray[np.datetime64]:
    """Computes an instant once for each run of equal sessions."""
    days = sessions.view(np.int64)
    starts = np.flatnonzero(np.concatenate(([len(days) > 0], days[1:] != days[:-1])))
    instants = np.array([taken_at(sessions[i].item()) for i in starts], dtype="datetime64[s]")
    return np.repeat(instants, np.diff(np.append(starts, len(days))))


def _table(columns: Mapping[str, Any], roots: Mapping[str, int], start: int, stop: int) -> QuoteTable:
    return QuoteTable(roots=tuple(roots), modelled=False, **{name: column[start:stop] for name, column in columns.items()})


def _unknown(part: Mapping[str, Any]) -> NDArray[np.float64]:
    """Sizes of the rows of a file that has none."""
    return np.full(len(part["sessions"]), np.nan)


def _rounded_up(rows: Any, name: str) -> Any:
    """Adds to timestamps what is just short of a second, so that cutting them off rounds them up."""
    import pyarrow as pa

    column = rows.column(name)
    if not pa.types.is_timestamp(column.type):
        return rows  # the reader says what is wrong with it
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[column.type.unit]
    ticks = [np.asarray(chunk.cast(pa.int64()).fill_null(0)) + (per_second - 1) for chunk in column.chunks]
    chunks = [pa.array(one, mask=np.asarray(chunk.is_null())) for one, chunk in zip(ticks, column.chunks, strict=True)]
    return rows.set_column(rows.column_names.index(name), name, pa.chunked_array(chunks, pa.int64()).cast(column.type))
