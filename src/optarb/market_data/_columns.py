"""Columns of Arrow tables as the numpy arrays of the domain, with errors that name file and column."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from optarb.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from optarb.market_data._table_files import TableFile

__all__ = ["BAR_COLUMNS", "OUR_COLUMNS", "TEXT_COLUMNS", "ColumnReader"]

BAR_COLUMNS = ("session", "symbol", "open", "high", "low", "close", "volume")
"""Columns of bars, by our names."""
_QUOTE_COLUMNS = (
    "session",
    "symbol",
    "root",
    "expiry",
    "right",
    "strike",
    "bid",
    "ask",
    "underlying_price",
    "taken_at",
    "bid_size",
    "ask_size",
)
_DIVIDEND_COLUMNS = ("symbol", "ex_date", "amount", "announced")
OUR_COLUMNS = frozenset((*BAR_COLUMNS, *_QUOTE_COLUMNS, *_DIVIDEND_COLUMNS))
"""Every name that a mapping may give another name to."""
TEXT_COLUMNS = ("symbol", "root", "right")
"""Columns that hold few different words."""

_NAT = int(np.datetime64("NaT", "s").astype(np.int64))
_RIGHTS = {"c": True, "call": True, "p": False, "put": False}


class ColumnReader:
    """Reads columns of one file by our names."""

    def __init__(self, table: TableFile, names: Mapping[str, str]) -> None:
        """Binds a file to a mapping.

        Args:
            table: The file.
            names: The file's name by our name; ours where absent.
        """
        self.table = table
        self._names = names

    def theirs(self, ours: str) -> str:
        """Returns the file's name of a column.

        Raises:
            BadData: The file has no such column.
        """
        name = self._names.get(ours, ours)
        if name not in self.table.names and ours in self.table.names:
            return ours  # a mapping serves bars and quotes alike, and may be meant for the other
        if name not in self.table.names:
            present = ", ".join(self.table.names)
            msg = f"{self.table.file} has no column {name!r} for {ours!r}; it has {present}; map it in columns={{...}}"
            raise BadData(msg)
        return name

    def has(self, ours: str) -> bool:
        """Whether the file has a column."""
        return self._names.get(ours, ours) in self.table.names or ours in self.table.names

    def dates(self, rows: pa.Table, ours: str) -> NDArray[np.datetime64]:
        """Returns a column of dates, ``datetime64[D]``."""
        import pyarrow as pa

        column = self._complete(rows, ours)
        if pa.types.is_dictionary(column.type) or pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = self._parsed_dates(column, ours)
        if not (pa.types.is_date(column.type) or pa.types.is_timestamp(column.type)):
            msg = f"{self.table.file}: column {self.theirs(ours)!r} holds {column.type}, not dates (like 2019-05-31)"
            raise BadData(msg)
        # numpy's own step from microseconds to days takes fifty times as long.
        return _numpy(column.cast(pa.date32()).cast(pa.int32())).astype("datetime64[D]")

    def _parsed_dates(self, column: Any, ours: str) -> Any:
        import pyarrow as pa

        try:
            return column.cast(pa.string()).cast(pa.date32())
        except pa.ArrowException as error:
            msg = f"{self.table.file}: column {self.theirs(ours)!r} holds text that is no date (like 2019-05-31): {error}"
            raise BadData(msg) from error

    def numbers(self, rows: pa.Table, ours: str) -> NDArray[np.float64]:
        """Returns a column of numbers as float64, NaN where a value is absent."""
        import pyarrow as pa

        column = rows.column(self.theirs(ours))
        try:
            values = column.cast(pa.float64(), safe=False)
        except pa.ArrowException as error:
            msg = f"{self.table.file}: column {self.theirs(ours)!r} holds {column.type}, not numbers: {error}"
            raise BadData(msg) from error
        return _numpy(values.fill_null(math.nan) if values.null_count else values)

    def instants(self, rows: pa.Table, ours: str) -> NDArray[np.datetime64]:
        """Returns a column of instants, ``datetime64[s]`` in UTC, NaT where a value is absent."""
        import pyarrow as pa

        column = rows.column(self.theirs(ours))
        if not pa.types.is_timestamp(column.type) or column.type.tz is None:
            msg = f"{self.table.file}: column {self.theirs(ours)!r} holds {column.type}, not timestamps with a time zone"
            raise BadData(msg)
        seconds = column.cast(pa.timestamp("s", "UTC"), safe=False).cast(pa.int64())
        return _numpy(seconds.fill_null(_NAT) if seconds.null_count else seconds).view("datetime64[s]")

    def words(self, rows: pa.Table, ours: str) -> tuple[list[str], NDArray[np.int64]]:
        """Returns the different words of a column and, for each row, which of them it holds."""
        import pyarrow as pa

        column: Any = self._complete(rows, ours)
        if not pa.types.is_dictionary(column.type):
            column = column.cast(pa.string()).dictionary_encode()
        chunks = column.unify_dictionaries().chunks
        if not chunks:
            return [], np.zeros(0, np.int64)
        indices = np.concatenate([np.from_dlpack(chunk.indices) for chunk in chunks]).astype(np.int64)
        return [str(word) for word in chunks[0].dictionary.to_pylist()], indices

    def calls(self, rows: pa.Table, ours: str) -> NDArray[np.bool_]:
        """Returns True where a column says call, False where it says put."""
        words, indices = self.words(rows, ours)
        unknown = [word for word in words if word.strip().lower() not in _RIGHTS]
        if unknown:
            msg = f"{self.table.file}: column {self.theirs(ours)!r} holds {unknown[0]!r}; use C, P, call or put"
            raise BadData(msg)
        return np.array([_RIGHTS[word.strip().lower()] for word in words], dtype=np.bool_)[indices]

    def _complete(self, rows: pa.Table, ours: str) -> Any:
        column = rows.column(self.theirs(ours))
        if column.null_count:
            msg = f"{self.table.file}: column {self.theirs(ours)!r} is empty in {column.null_count} of {len(column)} rows"
            raise BadData(msg)
        return column


def _numpy(column: Any) -> NDArray[Any]:
    # Arrow's own to_numpy imports pandas, which takes longer than reading a year of quotes.
    chunks = [np.from_dlpack(chunk) for chunk in column.chunks if len(chunk)]
    if len(chunks) == 1:
        return chunks[0]
    return np.concatenate(chunks) if chunks else np.from_dlpack(column.combine_chunks())
