"""Historical bars and option quotes."""

from __future__ import annotations

from optarb.market_data.combined import CombinedMarketData
from optarb.market_data.csv_folder import CsvMarketData
from optarb.market_data.demo import ArchMarketData, demo_market_data, demo_pair_market_data
from optarb.market_data.modelled import ModelledOptions
from optarb.market_data.parquet_folder import ParquetMarketData
from optarb.market_data.scaled import ScaledBars

__all__ = [
    "ArchMarketData",
    "CombinedMarketData",
    "CsvMarketData",
    "ModelledOptions",
    "ParquetMarketData",
    "ScaledBars",
    "demo_market_data",
    "demo_pair_market_data",
]
