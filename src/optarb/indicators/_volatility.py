"""Families of the catalogue that say how far prices move."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from optarb.indicators import _kernels, _pandas_ta
from optarb.indicators.family import Family, Parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.bars import Bars

__all__ = ["FAMILIES"]

_SESSIONS_A_YEAR = 252


def _bollinger(bars: Bars, length: int, deviations: float) -> tuple[NDArray[np.float64], ...]:
    middle = _pandas_ta.sma(bars.close, length)
    half = deviations * _kernels.rolling_std(bars.close, length, ddof=0)
    upper, lower = middle + half, middle - half
    inside = _kernels.ratio(bars.close - lower, 2.0 * half, where_zero=0.5)
    return upper, middle, lower, 2.0 * half / middle, inside


def _squeeze(bars: Bars, length: int, deviations: float, ranges: float) -> tuple[NDArray[np.float64]]:
    # Both channels stand around the same mean, so the narrower one is inside the other.
    bollinger = deviations * _kernels.rolling_std(bars.close, length, ddof=0)
    keltner = ranges * _pandas_ta.sma(_kernels.true_range(bars), length)
    return ((bollinger < keltner).astype(np.float64),)


def _atr(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_kernels.wilder_mean(_kernels.true_range(bars), length, first=1),)


def _realised_vol(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    returns = _kernels.changes(np.log(bars.close))
    return (_kernels.rolling_std(returns, length, ddof=1) * math.sqrt(_SESSIONS_A_YEAR),)


FAMILIES = (
    Family(
        name="bollinger",
        stems=("bb_upper", "bb_middle", "bb_lower", "bb_width", "bb_percent"),
        parameters=(Parameter(name="length", least=2), Parameter(name="deviations", whole=False)),
        defaults=((20, 2.0),),
        warm_up=lambda length, _deviations: length - 1,
        compute=_bollinger,
        source=(
            "Bollinger's bands: the simple mean of `length` closes (pandas-ta-classic `sma`) and `deviations` "
            "population standard deviations (ddof 0) above and below; equals TA-Lib `BBANDS`. Width: (upper - lower) / "
            "middle, a fraction. Percent (%b): (close - lower) / (upper - lower), 0 on the lower and 1 on the upper "
            "band, 0.5 where they meet. The deviation is computed with numpy, so that equal closes give exactly zero."
        ),
    ),
    Family(
        name="squeeze",
        stems=("squeeze",),
        parameters=(
            Parameter(name="length", least=2),
            Parameter(name="deviations", whole=False),
            Parameter(name="ranges", whole=False),
        ),
        defaults=((20, 2.0, 1.5),),
        warm_up=lambda length, _deviations, _ranges: length,
        compute=_squeeze,
        source=(
            "1 where Bollinger's bands (`deviations`) lie inside the Keltner channel (the simple mean of `length` "
            "closes and `ranges` simple means of `length` true ranges above and below), else 0; 0 where both are flat. "
            "Carter, Mastering the Trade, chapter 11; computed with numpy and pandas-ta-classic `sma`."
        ),
    ),
    Family(
        name="atr",
        stems=("atr",),
        parameters=(Parameter(name="length"),),
        defaults=((14,),),
        warm_up=lambda length: length,
        compute=_atr,
        source=(
            "Wilder's average true range, in price units, seeded in row `length` with the simple mean of the first "
            "`length` true ranges (row 0 has none). 0 while no bar has a range. Wilder 1978; computed with numpy, "
            "since releases of pandas-ta-classic seed `atr` differently; equals TA-Lib `ATR`."
        ),
    ),
    Family(
        name="realised_vol",
        stems=("realised_vol",),
        parameters=(Parameter(name="length", least=2),),
        defaults=((20,), (10,), (60,)),
        warm_up=lambda length: length,
        compute=_realised_vol,
        source=(
            "Sample standard deviation (ddof 1, mean removed) of the last `length` daily log returns of the close, "
            "times the square root of 252: an annual fraction. numpy."
        ),
    ),
)
