"""Families of the catalogue that say how fast and which way prices move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optarb.indicators import _kernels, _pandas_ta
from optarb.indicators.family import Family, Parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.bars import Bars

__all__ = ["FAMILIES"]


def _rsi(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    moves = _kernels.changes(bars.close)
    gain = _kernels.wilder_mean(np.maximum(moves, 0.0), length, first=1)
    loss = _kernels.wilder_mean(np.maximum(-moves, 0.0), length, first=1)
    return (100.0 * _kernels.ratio(gain, gain + loss, where_zero=0.5),)


def _macd(bars: Bars, fast: int, slow: int, signal: int) -> tuple[NDArray[np.float64], ...]:
    return _pandas_ta.macd(bars.close, fast, slow, signal)


def _stochastic(bars: Bars, length: int, smooth: int, d: int) -> tuple[NDArray[np.float64], ...]:
    lowest, highest = _kernels.rolling_extremes(bars.low, bars.high, length)
    fast = 100.0 * _kernels.ratio(bars.close - lowest, highest - lowest, where_zero=0.5)
    slow = _pandas_ta.sma(fast, smooth)
    return slow, _pandas_ta.sma(slow, d)


def _di(bars: Bars, length: int) -> tuple[NDArray[np.float64], ...]:
    return _kernels.directional_indices(bars, length)


def _adx(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    plus, minus = _kernels.directional_indices(bars, length)
    strength = 100.0 * _kernels.ratio(np.abs(plus - minus), plus + minus, where_zero=0.0)
    return (_kernels.wilder_mean(strength, length, first=length),)


def _roc(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_pandas_ta.roc(bars.close, length),)


def _return(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    result = np.full(len(bars), np.nan)
    result[length:] = bars.close[length:] / bars.close[:-length] - 1.0
    return (result,)


FAMILIES = (
    Family(
        name="rsi",
        stems=("rsi",),
        parameters=(Parameter(name="length"),),
        defaults=((14,),),
        warm_up=lambda length: length,
        compute=_rsi,
        source=(
            "Wilder's relative strength index, 0..100: 100 x mean gain / (mean gain + mean loss), both means Wilder's, "
            "seeded in row `length` with the simple mean of the first `length` changes. 50 while no close has changed. "
            "Wilder, New Concepts in Technical Trading Systems, 1978; computed with numpy, since releases of "
            "pandas-ta-classic seed `rsi` differently; equals TA-Lib `RSI`."
        ),
    ),
    Family(
        name="macd",
        stems=("macd", "macd_signal", "macd_hist"),
        parameters=(Parameter(name="fast"), Parameter(name="slow", least=2), Parameter(name="signal")),
        defaults=((12, 26, 9),),
        warm_up=lambda _fast, slow, signal: slow + signal - 2,
        compute=_macd,
        refuse=lambda fast, slow, _signal: None if fast < slow else "fast must be less than slow",
        source=(
            "Fast less slow exponential mean of the closes, in price units; its exponential mean; their difference. "
            "Each mean is seeded with the simple mean of its own first values: the fast in row `fast` - 1, the slow in "
            "row `slow` - 1, the signal line with the first `signal` MACD values. pandas-ta-classic `macd`; TA-Lib "
            "`MACD` seeds the fast mean in row `slow` - 1 and so differs at first."
        ),
    ),
    Family(
        name="stochastic",
        stems=("stoch_k", "stoch_d"),
        parameters=(Parameter(name="length"), Parameter(name="smooth"), Parameter(name="d")),
        defaults=((14, 3, 3),),
        warm_up=lambda length, smooth, d: length + smooth + d - 3,
        compute=_stochastic,
        source=(
            "Lane's slow stochastic, 0..100: the close within the lowest low and highest high of `length` bars, a "
            "simple mean of `smooth` of those (%K), a simple mean of `d` of these (%D). A range of zero counts as 50. "
            "Computed with numpy, since pandas-ta-classic calls a range of zero oversold; its `sma` smooths; equals "
            "TA-Lib `STOCH`."
        ),
    ),
    Family(
        name="di",
        stems=("plus_di", "minus_di"),
        parameters=(Parameter(name="length", least=2),),
        defaults=((14,),),
        warm_up=lambda length: length,
        compute=_di,
        source=(
            "Wilder's directional indicators, 0..100: 100 x smoothed directional movement / smoothed true range. Both "
            "are Wilder's sums, seeded in row `length` - 1 with the sum of rows 1 to `length` - 1; the seed row is not "
            "reported. 0 where no bar had a range. Wilder 1978; computed with numpy; equals TA-Lib `PLUS_DI` and "
            "`MINUS_DI`."
        ),
    ),
    Family(
        name="adx",
        stems=("adx",),
        parameters=(Parameter(name="length", least=2),),
        defaults=((14,),),
        warm_up=lambda length: 2 * length - 1,
        compute=_adx,
        source=(
            "Wilder's average directional index, 0..100: Wilder's mean of 100 x distance of +DI and -DI / their sum, "
            "seeded in row 2 x `length` - 1 with the simple mean of the first `length` values. A bar without "
            "directional movement counts as 0. Wilder 1978; computed with numpy, since pandas-ta-classic has no value "
            "for such bars; equals TA-Lib `ADX`."
        ),
    ),
    Family(
        name="roc",
        stems=("roc",),
        parameters=(Parameter(name="length"),),
        defaults=((10,),),
        warm_up=lambda length: length,
        compute=_roc,
        source="Change of the close over `length` sessions, in percent. pandas-ta-classic `roc`; equals TA-Lib `ROC`.",
    ),
    Family(
        name="return",
        stems=("return",),
        parameters=(Parameter(name="length"),),
        defaults=((1,), (5,), (20,)),
        warm_up=lambda length: length,
        compute=_return,
        source="Simple return of the close over `length` sessions, a fraction, without dividends. TA-Lib `ROCP`.",
    ),
)
