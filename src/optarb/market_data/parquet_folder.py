"""Market data in Parquet files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from optarb.market_data._folder import FolderMarketData
from optarb.market_data._table_files import ParquetTable

if TYPE_CHECKING:
    from optarb.market_data._files import DataFile
    from optarb.market_data._table_files import TableFile

__all__ = ["ParquetMarketData"]


@dataclass(frozen=True, kw_only=True, init=False)
class ParquetMarketData(FolderMarketData):
    """Bars and option quotes from Parquet files on a disk or in object storage (any URI that pyarrow knows).

    Columns of bars: ``session``, ``close``; ``open``, ``high`` and ``low`` unless none of the three is there;
    ``volume`` if it is there. Columns of quotes: ``session``, ``root``, ``expiry``, ``right`` (C, P, call or put),
    ``strike``, ``bid``, ``ask``; ``underlying_price`` if it is there; ``taken_at`` if ``quoted_at="column"``.

    Raises:
        UnknownName: ``columns`` gives a name to a column that is not one of ours.
        ValueError: ``quoted_at`` is none of those allowed.
    """

    _suffix: ClassVar[str] = ".parquet"

    def _open(self, file: DataFile, text_columns: list[str]) -> TableFile:
        return ParquetTable(file, text_columns)
