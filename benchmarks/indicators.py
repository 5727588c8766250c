"""The whole indicator table over twenty years, and what pandas-ta-classic takes for the families that it has too."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import optarb
from benchmarks import data
from benchmarks.bench import Bench
from benchmarks.table import line, timed
from optarb import indicators

if TYPE_CHECKING:
    import pandas as pd

_THEIRS: dict[str, Callable[[Any, Any], object]] = {
    "sma": lambda ta, f: [ta.sma(f.close, n, talib=False) for n in (20, 10, 50, 200)],
    "ema": lambda ta, f: [ta.ema(f.close, n, talib=False) for n in (20, 10, 50, 200)],
    "wma": lambda ta, f: ta.wma(f.close, 20, talib=False),
    "dema": lambda ta, f: ta.dema(f.close, 20, talib=False),
    "tema": lambda ta, f: ta.tema(f.close, 20, talib=False),
    "hma": lambda ta, f: ta.hma(f.close, 20),
    "kama": lambda ta, f: ta.kama(f.close, 10, 2, 30),
    "adx": lambda ta, f: ta.adx(f.high, f.low, f.close, 14, talib=False),
    "aroon": lambda ta, f: ta.aroon(f.high, f.low, 25, talib=False),
    "psar": lambda ta, f: ta.psar(f.high, f.low),
    "supertrend": lambda ta, f: ta.supertrend(f.high, f.low, f.close, 10, 3.0),
    "linreg": lambda ta, f: ta.linreg(f.close, 20),
    "rsi": lambda ta, f: [ta.rsi(f.close, n, talib=False) for n in (14, 2)],
    "macd": lambda ta, f: ta.macd(f.close, 12, 26, 9, talib=False),
    "stochastic": lambda ta, f: ta.stoch(f.high, f.low, f.close, 14, 3, 3),
    "roc": lambda ta, f: ta.roc(f.close, 10, talib=False),
    "momentum": lambda ta, f: ta.mom(f.close, 10, talib=False),
    "cci": lambda ta, f: ta.cci(f.high, f.low, f.close, 20, talib=False),
    "williams_r": lambda ta, f: ta.willr(f.high, f.low, f.close, 14, talib=False),
    "tsi": lambda ta, f: ta.tsi(f.close),
    "ultimate": lambda ta, f: ta.uo(f.high, f.low, f.close, talib=False),
    "bollinger": lambda ta, f: ta.bbands(f.close, 20, 2.0, talib=False),
    "atr": lambda ta, f: ta.atr(f.high, f.low, f.close, 14, talib=False),
    "natr": lambda ta, f: ta.natr(f.high, f.low, f.close, 14, talib=False),
    "donchian": lambda ta, f: ta.donchian(f.high, f.low, 20, 20),
    "obv": lambda ta, f: ta.obv(f.close, f.volume, talib=False),
    "mfi": lambda ta, f: ta.mfi(f.high, f.low, f.close, f.volume, 14, talib=False),
    "zscore": lambda ta, f: ta.zscore(f.close, 20),
}
"""Families with the same name, parameters and idea on both sides; seeds differ in some."""


def table(bench: Bench) -> None:  # noqa: ARG001 - every row is given it
    """Computes every indicator of the default catalogue on bars in memory."""
    bars = data.index_bars()
    catalogue = indicators.default_catalogue()
    columns = sum(len(one.columns) for one in catalogue)
    whole = timed(lambda: [one.compute(bars) for one in catalogue], 5)
    line(f"indicator table, 20 years, {len(catalogue)} indicators", f"{whole * 1e3:.0f} ms", beside=f"{columns} columns")
    shared = [one for one in catalogue if one.family in _THEIRS]
    ours = timed(lambda: [one.compute(bars) for one in shared], 5)
    frame = _frame(bars)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs, about pandas
        import pandas_ta_classic as ta

        theirs = timed(lambda: [_THEIRS[name](ta, frame) for name in {one.family for one in shared}], 5)
    line(
        f"the {len(shared)} of them that pandas-ta-classic has too",
        f"{ours * 1e3:.0f} ms",
        beside=f"{ours / theirs:.2f} x pandas-ta-classic ({theirs * 1e3:.0f} ms)",
    )


def _frame(bars: optarb.Bars) -> pd.DataFrame:
    import pandas as pd

    columns = {name: getattr(bars, name) for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(bars.sessions))
