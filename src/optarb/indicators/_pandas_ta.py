"""The only place that calls pandas-ta-classic: arrays in, arrays out.

Each function imports what it calls, one module of the package, so that neither pandas nor pandas-ta-classic is imported
before a number is wanted. ``talib=False`` throughout: a result must not depend on whether TA-Lib is installed.

Only formulas whose values have stayed the same from release to release are called. Wilder's smoothing (``rma``, and on
it ``rsi``, ``atr`` and ``adx``) has been seeded in three ways between 0.3 and 0.8, so that
:mod:`optarb.indicators._kernels` computes it.
"""

from __future__ import annotations

import importlib
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["ema", "macd", "roc", "sma"]

_LOADING = threading.Lock()


def _load() -> None:
    """Imports the package once, without a warning it draws from pandas.

    Its import reads a property of a timestamp that pandas 3 has deprecated; a program that turns warnings into errors
    would stop there.
    """
    with _LOADING:
        if "pandas_ta_classic" not in sys.modules:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                importlib.import_module("pandas_ta_classic")


def _series(values: NDArray[np.float64]) -> pd.Series[float]:
    import pandas as pd

    return pd.Series(values, dtype="float64", copy=True)


def _array(series: Any) -> NDArray[np.float64]:
    return np.array(series, dtype=np.float64)


def sma(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Returns the simple mean of the last ``length`` values; leading NaN are skipped.

    Args:
        values: Shape ``(n,)``, with ``n >= length``.
        length: Rows of the mean.
    """
    _load()
    from pandas_ta_classic.overlap.sma import sma as compute

    return _array(compute(_series(values), length=length, talib=False))


def ema(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Returns the exponential mean with weight ``2 / (length + 1)``.

    It is seeded with the simple mean of the first ``length`` values; leading NaN are skipped.

    Args:
        values: Shape ``(n,)``, with ``length`` numbers or more.
        length: Rows of the seed.
    """
    _load()
    from pandas_ta_classic.overlap.ema import ema as compute

    first = int(np.argmin(np.isnan(values)))
    result = np.full(len(values), np.nan)
    result[first:] = _array(compute(_series(values[first:]), length=length, talib=False, sma=True, adjust=False))
    return result


def macd(
    values: NDArray[np.float64], fast: int, slow: int, signal: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Returns the MACD line, its signal line and their difference.

    Each of the three means is seeded with the simple mean of its own first values.

    Args:
        values: Shape ``(n,)``, with ``n >= slow + signal - 1``.
        fast: Rows of the faster mean, less than ``slow``.
        slow: Rows of the slower mean.
        signal: Rows of the mean of the MACD line.
    """
    _load()
    from pandas_ta_classic.momentum.macd import macd as compute

    table: Any = compute(_series(values), fast=fast, slow=slow, signal=signal, talib=False)
    names = f"{fast}_{slow}_{signal}"
    return _array(table[f"MACD_{names}"]), _array(table[f"MACDs_{names}"]), _array(table[f"MACDh_{names}"])


def roc(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Returns the change over ``length`` rows in percent.

    Args:
        values: Shape ``(n,)``, with ``n > length``.
        length: Rows back.
    """
    _load()
    from pandas_ta_classic.momentum.roc import roc as compute

    return _array(compute(_series(values), length=length, scalar=100, talib=False))
