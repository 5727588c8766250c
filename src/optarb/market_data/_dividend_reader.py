"""Dividends from files of rows."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.domain.dividends import Dividend
from optarb.errors import BadData
from optarb.market_data._bar_reader import only_symbol
from optarb.market_data._columns import ColumnReader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optarb.market_data._table_files import TableFile

__all__ = ["read_dividends"]


def read_dividends(symbol: str, files: Sequence[TableFile], names: Mapping[str, str]) -> list[Dividend]:
    """Reads the dividends of a symbol, oldest first: ``ex_date``, ``amount`` and, where it is there, ``announced``.

    Args:
        symbol: The symbol.
        files: Where they lie.
        names: The files' column names by ours.

    Raises:
        BadData: A column is absent or of the wrong kind, or an amount is not positive.
    """
    found = [one for file in files for one in _rows(symbol, ColumnReader(file, names))]
    return sorted(found, key=lambda one: one.ex_date)


def _rows(symbol: str, reader: ColumnReader) -> list[Dividend]:
    wanted = ["ex_date", "amount"]
    wanted += ["announced"] if reader.has("announced") else []
    wanted += ["symbol"] if reader.table.file.shared else []
    rows = reader.table.read([reader.theirs(name) for name in wanted])
    if not rows.num_rows:
        return []
    if reader.table.file.shared:
        rows = only_symbol(reader, rows, symbol)
    days, amounts = reader.dates(rows, "ex_date").tolist(), reader.numbers(rows, "amount").tolist()
    announced = reader.numbers(rows, "announced").tolist() if reader.has("announced") else [1.0] * len(days)
    try:
        return [
            Dividend(ex_date=day, amount=Decimal(str(amount)), announced=told != 0.0)
            for day, amount, told in zip(days, amounts, announced, strict=True)
        ]
    except ValueError as error:
        raise BadData(f"{reader.table.file}: {error}") from error
