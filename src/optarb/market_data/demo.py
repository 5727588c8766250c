"""Real S&P 500 bars and VIX closes from the package arch, and options modelled on them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from optarb.domain.bars import Bars
from optarb.errors import BadData, MissingExtra
from optarb.market_data.combined import CombinedMarketData
from optarb.market_data.modelled import ModelledOptions
from optarb.market_data.scaled import ScaledBars

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.quote_table import QuoteTable
    from optarb.protocols import DataKind

__all__ = ["ArchMarketData", "demo_market_data", "demo_pair_market_data"]

_FILES = {"SPX": "sp500", "VIX": "vix"}


@dataclass(frozen=True, kw_only=True)
class ArchMarketData:
    """Daily bars that come with the package arch (``pip install "optarb[demo]"``), and no option quotes.

    ``"SPX"``: the S&P 500 index, 1999-01-04 to 2018-12-31. ``"VIX"``: its volatility index, 2014-01-03 to 2019-01-03,
    closes alone, so that open, high and low equal them. Values are rounded to 0.01, the precision they are published
    in; days without a close, which are holidays, are left out.
    """

    def fingerprint(self, symbol: str, kind: DataKind) -> str:
        """Returns the digest of the package's file.

        Raises:
            BadData: Another symbol, or quotes.
            MissingExtra: The package arch is not installed.
        """
        if kind != "bars":
            msg = f"the demo bars come without option quotes (asked for {symbol!r}); wrap them in ModelledOptions"
            raise BadData(msg)
        return hashlib.sha256(b"optarb demo bars 1\0" + _file(symbol).read_bytes()).hexdigest()

    def bars(self, symbol: str) -> Bars:
        """Returns the bars of ``"SPX"`` or ``"VIX"``.

        Raises:
            BadData: Another symbol.
            MissingExtra: The package arch is not installed.
        """
        bars = _load(symbol)
        return bars.sliced(0, len(bars))

    def chains(self, symbol: str, start: date, end: date) -> Iterator[QuoteTable]:  # noqa: ARG002 - it has none
        """Raises BadData: there are no quotes."""
        msg = f"the demo bars come without option quotes (asked for {symbol!r}); wrap them in ModelledOptions"
        raise BadData(msg)


def demo_market_data() -> ModelledOptions:
    """Returns real S&P 500 bars and VIX closes with SPXW quotes modelled on them, 2014-01-03 to 2018-12-31.

    The package arch is looked for when data are asked for, not here.
    """
    return ModelledOptions(data=ArchMarketData())


def demo_pair_market_data(*, snapshot: Literal["close", "open"] = "close") -> CombinedMarketData:
    """Returns the demo data with SPY beside SPX, 2014-01-03 to 2018-12-31.

    SPY is modelled twice over: its bars are a tenth of the index, and its quotes are priced from those bars and the VIX, with
    a strike every dollar. American exercise and dividends are not modelled.

    Args:
        snapshot: When the quotes of both are taken; see :class:`ModelledOptions`.
    """
    bars = ScaledBars(data=ArchMarketData())
    quotes = {
        "SPX": ModelledOptions(data=bars, snapshot=snapshot),
        "SPY": ModelledOptions(
            data=bars, snapshot=snapshot, underlying="SPY", root="SPY", strike_step=1.0, strikes=51, spread_minimum=0.02
        ),
    }
    return CombinedMarketData(bars_from=bars, quotes_from=quotes)


def _file(symbol: str) -> Path:
    if symbol not in _FILES:
        msg = f"the demo data have bars of SPX and VIX, not of {symbol!r}"
        raise BadData(msg)
    # The files are read where they lie: importing the package takes seconds.
    spec = find_spec("arch")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra.of("arch", "demo")
    name = _FILES[symbol]
    return Path(spec.submodule_search_locations[0]) / "data" / name / f"{name}.csv.gz"


@lru_cache(maxsize=2)
def _load(symbol: str) -> Bars:
    import pyarrow as pa
    from pyarrow import csv

    path = _file(symbol)
    options = csv.ConvertOptions(
        column_types={"Date": pa.timestamp("s")}, timestamp_parsers=["%m/%d/%Y", csv.ISO8601], null_values=["", "."]
    )
    try:
        table = csv.read_csv(path, convert_options=options)
    except (OSError, pa.ArrowException) as error:
        msg = f"cannot read {path.name} of the package arch: {error}; install arch 7 or later"
        raise BadData(msg) from error
    names = ("Open", "High", "Low", "Close") if symbol == "SPX" else ("vix",) * 4
    columns = [np.round(_floats(table.column(name)), 2) for name in names]
    volume = _floats(table.column("Volume")) if symbol == "SPX" else np.zeros(len(table))
    sessions = np.array(table.column("Date").cast(pa.int64()).to_pylist(), "datetime64[s]").astype("datetime64[D]")
    order = np.argsort(sessions)
    order = order[np.isfinite(columns[3][order])]
    opens, highs, lows, closes = (column[order] for column in columns)
    return Bars(symbol=symbol, sessions=sessions[order], open=opens, high=highs, low=lows, close=closes, volume=volume[order])


def _floats(column: Any) -> NDArray[np.float64]:
    import pyarrow as pa

    values = column.cast(pa.float64()).to_pylist()
    return np.array([np.nan if value is None else value for value in values], np.float64)
