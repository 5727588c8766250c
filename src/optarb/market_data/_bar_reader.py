"""Bars from files of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from optarb.domain.bars import Bars
from optarb.errors import BadData
from optarb.market_data._columns import ColumnReader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optarb.market_data._table_files import TableFile

__all__ = ["read_bars"]


def read_bars(symbol: str, files: Sequence[TableFile], names: Mapping[str, str]) -> Bars:
    """Reads the bars of a symbol as they are; files follow each other.

    Args:
        symbol: The symbol.
        files: Where they lie.
        names: The files' column names by ours.

    Raises:
        BadData: A column is absent or of the wrong kind, or a file of many symbols has no row of this one.
    """
    parts = [_columns(symbol, ColumnReader(file, names)) for file in files]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Bars(symbol=symbol, **columns)


def _columns(symbol: str, reader: ColumnReader) -> dict[str, Any]:
    # A file with closes alone, such as a volatility index, stands for bars without a range.
    close_only = not any(reader.has(name) for name in ("open", "high", "low"))
    wanted = ["session", "close"] if close_only else ["session", "open", "high", "low", "close"]
    wanted += ["volume"] if reader.has("volume") else []
    wanted += ["symbol"] if reader.table.file.shared else []
    rows = reader.table.read(list(dict.fromkeys(reader.theirs(name) for name in wanted)))
    if reader.table.file.shared:
        rows = only_symbol(reader, rows, symbol)
    close = reader.numbers(rows, "close")
    return {
        "sessions": reader.dates(rows, "session"),
        "open": close if close_only else reader.numbers(rows, "open"),
        "high": close if close_only else reader.numbers(rows, "high"),
        "low": close if close_only else reader.numbers(rows, "low"),
        "close": close,
        "volume": reader.numbers(rows, "volume") if reader.has("volume") else np.zeros(len(close)),
    }


def only_symbol(reader: ColumnReader, rows: Any, symbol: str) -> Any:
    """Returns the rows of one symbol of a file that holds many.

    Raises:
        BadData: There are none; the message lists the symbols that are there.
    """
    words, indices = reader.words(rows, "symbol")
    if symbol not in words:
        msg = f"{reader.table.file} has no rows of {symbol!r}; it has {', '.join(sorted(words)) or 'none'}"
        raise BadData(msg)
    return rows.take(np.flatnonzero(indices == words.index(symbol)))
