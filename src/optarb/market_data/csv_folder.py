"""Market data in CSV files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from optarb.market_data._folder import FolderMarketData
from optarb.market_data._table_files import CsvTable

if TYPE_CHECKING:
    from optarb.market_data._files import DataFile
    from optarb.market_data._table_files import TableFile

__all__ = ["CsvMarketData"]


@dataclass(frozen=True, kw_only=True, init=False)
class CsvMarketData(FolderMarketData):
    """Bars and option quotes from CSV files with a header line, on a disk or in object storage.

    The columns are those of :class:`~optarb.market_data.ParquetMarketData`; dates are written ``2019-05-31``, instants
    with a time zone, such as ``2019-05-31T20:00:00Z``. A file is parsed whole at each call: Parquet suits large chains.

    Raises:
        UnknownName: ``columns`` gives a name to a column that is not one of ours.
        ValueError: ``quoted_at`` is none of those allowed.
    """

    _suffix: ClassVar[str] = ".csv"

    def _open(self, file: DataFile, text_columns: list[str]) -> TableFile:
        return CsvTable(file, text_columns)
