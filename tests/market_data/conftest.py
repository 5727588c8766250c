"""Small files of bars and quotes in both formats."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from optarb.market_data import CsvMarketData, ParquetMarketData


class Format:
    """One file format: how to write a file, and which source reads it."""

    def __init__(self, suffix, source):
        self.suffix = suffix
        self.source = source

    def write(self, path: Path, columns) -> Path:
        """Writes columns to the path with the format's suffix and returns it."""
        path = path.with_name(path.name + self.suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        table = columns if isinstance(columns, pa.Table) else pa.table(columns)
        if self.suffix == ".csv":
            csv.write_csv(table, path)
        else:
            pq.write_table(table, path)
        return path


@pytest.fixture(params=[(".parquet", ParquetMarketData), (".csv", CsvMarketData)], ids=["parquet", "csv"])
def file_format(request):
    """Each format in turn."""
    return Format(*request.param)


@pytest.fixture
def parquet():
    """The Parquet format alone."""
    return Format(".parquet", ParquetMarketData)


@pytest.fixture
def bar_columns():
    """Three bars."""
    return {
        "session": [date(2019, 5, 28), date(2019, 5, 29), date(2019, 5, 30)],
        "open": [100.0, 101.0, 102.0],
        "high": [103.0, 104.0, 105.0],
        "low": [99.0, 98.0, 97.0],
        "close": [101.0, 102.0, 103.5],
        "volume": [1000, 2000, 3000],
    }


@pytest.fixture
def quote_columns():
    """Five quotes of two sessions, two roots and both rights; one bid is absent."""
    return {
        "session": [date(2019, 5, 28)] * 3 + [date(2019, 5, 29)] * 2,
        "root": ["SPXW", "SPX", "SPXW", "SPX", "SPXW"],
        "expiry": [date(2019, 6, 28), date(2019, 6, 21), date(2019, 6, 28), date(2019, 6, 21), date(2019, 6, 28)],
        "right": ["C", "P", "call", "PUT", "c"],
        "strike": [2800.0, 2750.5, 2900.0, 2750.0, 2800.0],
        "bid": [50.0, None, 10.0, 0.0, 45.0],
        "ask": [51.0, 20.0, 10.5, 0.05, 46.0],
    }
