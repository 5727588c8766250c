"""Historical bars and option quotes."""

from __future__ import annotations

from optarb.market_data.csv_folder import CsvMarketData
from optarb.market_data.parquet_folder import ParquetMarketData

__all__ = ["CsvMarketData", "ParquetMarketData"]
