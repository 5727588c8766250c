"""Families of the catalogue that say how fast and which way prices move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optarb.indicators import _kernels, _pandas_ta, _windows
from optarb.indicators.family import Family, Parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.bars import Bars

__all__ = ["FAMILIES"]


def _strength(close: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    moves = _kernels.changes(close)
    gain = _kernels.wilder_mean(np.maximum(moves, 0.0), length, first=1)
    loss = _kernels.wilder_mean(np.maximum(-moves, 0.0), length, first=1)
    return 100.0 * _kernels.ratio(gain, gain + loss, where_zero=0.5)


def _rsi(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_strength(bars.close, length),)


def _macd(bars: Bars, fast: int, slow: int, signal: int) -> tuple[NDArray[np.float64], ...]:
    return _pandas_ta.macd(bars.close, fast, slow, signal)


def _stochastic(bars: Bars, length: int, smooth: int, d: int) -> tuple[NDArray[np.float64], ...]:
    lowest, highest = _windows.rolling_extremes(bars.low, bars.high, length)
    return _smoothed_place(bars.close, lowest, highest, smooth, d)


def _stoch_rsi(bars: Bars, rsi: int, length: int, smooth: int, d: int) -> tuple[NDArray[np.float64], ...]:
    strength = _strength(bars.close, rsi)
    lowest, highest = _windows.rolling_extremes(strength, strength, length)
    return _smoothed_place(strength, lowest, highest, smooth, d)


def _smoothed_place(
    values: NDArray[np.float64], lowest: NDArray[np.float64], highest: NDArray[np.float64], smooth: int, d: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    fast = 100.0 * _kernels.ratio(values - lowest, highest - lowest, where_zero=0.5)
    slow = _pandas_ta.sma(fast, smooth)
    return slow, _pandas_ta.sma(slow, d)


def _williams_r(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    lowest, highest = _windows.rolling_extremes(bars.low, bars.high, length)
    return (-100.0 * _kernels.ratio(highest - bars.close, highest - lowest, where_zero=0.5),)


def _cci(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    typical = (bars.high + bars.low + bars.close) / 3.0
    deviation = _windows.mean_absolute_deviation(typical, length)
    return (_kernels.ratio(-_windows.mean_distance(typical, length), 0.015 * deviation, where_zero=0.0),)


def _tsi(bars: Bars, slow: int, fast: int, signal: int) -> tuple[NDArray[np.float64], ...]:
    moves = _kernels.changes(bars.close)
    net = _pandas_ta.ema(_pandas_ta.ema(moves, slow), fast)
    path = _pandas_ta.ema(_pandas_ta.ema(np.abs(moves), slow), fast)
    strength = 100.0 * _kernels.ratio(net, path, where_zero=0.0)
    return strength, _pandas_ta.ema(strength, signal)


def _ultimate(bars: Bars, short: int, medium: int, long: int) -> tuple[NDArray[np.float64]]:
    span = _kernels.true_range(bars)
    floor = np.full(len(bars), np.nan)
    floor[1:] = np.minimum(bars.low[1:], bars.close[:-1])
    pressure = bars.close - floor
    quick, middle, slow = (
        _kernels.ratio(_windows.rolling_sum(pressure, length), _windows.rolling_sum(span, length), where_zero=0.5)
        for length in (short, medium, long)
    )
    return (100.0 * (4.0 * quick + 2.0 * middle + slow) / 7.0,)


def _roc(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_pandas_ta.roc(bars.close, length),)


def _return(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    result = np.full(len(bars), np.nan)
    result[length:] = bars.close[length:] / bars.close[:-length] - 1.0
    return (result,)


def _log_return(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    result = np.full(len(bars), np.nan)
    result[length:] = np.log(bars.close[length:] / bars.close[:-length])
    return (result,)


def _momentum(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    result = np.full(len(bars), np.nan)
    result[length:] = bars.close[length:] - bars.close[:-length]
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
            "pandas-ta-classic seed `rsi` differently."
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
            "row `slow` - 1, the signal line with the first `signal` MACD values. pandas-ta-classic `macd`."
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
            "Computed with numpy, since pandas-ta-classic calls a range of zero oversold; its `sma` smooths."
        ),
    ),
    Family(
        name="roc",
        stems=("roc",),
        parameters=(Parameter(name="length"),),
        defaults=((10,),),
        warm_up=lambda length: length,
        compute=_roc,
        source="Change of the close over `length` sessions, in percent. pandas-ta-classic `roc`.",
    ),
    Family(
        name="return",
        stems=("return",),
        parameters=(Parameter(name="length"),),
        defaults=((1,), (5,), (20,)),
        warm_up=lambda length: length,
        compute=_return,
        source="Simple return of the close over `length` sessions, a fraction, without dividends. numpy.",
    ),
    Family(
        name="log_return",
        stems=("log_return",),
        parameters=(Parameter(name="length"),),
        defaults=((1,),),
        warm_up=lambda length: length,
        compute=_log_return,
        source="Natural logarithm of the close over the close `length` sessions before, without dividends. numpy.",
    ),
    Family(
        name="momentum",
        stems=("momentum",),
        parameters=(Parameter(name="length"),),
        defaults=((10,),),
        warm_up=lambda length: length,
        compute=_momentum,
        source="Close less the close `length` sessions before, in price units. numpy.",
    ),
    Family(
        name="stoch_rsi",
        stems=("stoch_rsi_k", "stoch_rsi_d"),
        parameters=(
            Parameter(name="rsi"),
            Parameter(name="length"),
            Parameter(name="smooth"),
            Parameter(name="d"),
        ),
        defaults=((14, 14, 3, 3),),
        warm_up=lambda rsi, length, smooth, d: rsi + length + smooth + d - 3,
        compute=_stoch_rsi,
        source=(
            "The slow stochastic of `rsi_<rsi>`, 0..100: its place within its own lowest and highest of `length` rows, a "
            "simple mean of `smooth` of those (%K), a simple mean of `d` of these (%D). An RSI that stands still counts as "
            "50. Chande and Kroll, The New Technical Trader, 1994; numpy and pandas-ta-classic `sma`."
        ),
    ),
    Family(
        name="cci",
        stems=("cci",),
        parameters=(Parameter(name="length", least=2),),
        defaults=((20,),),
        warm_up=lambda length: length - 1,
        compute=_cci,
        source=(
            "Lambert's commodity channel index: the typical price (high + low + close) / 3 less its simple mean of `length` "
            "rows, in units of 0.015 x its mean absolute deviation from that mean. 0 where the typical price stands still. "
            "Lambert, Commodities, 10/1980; numpy."
        ),
    ),
    Family(
        name="williams_r",
        stems=("williams_r",),
        parameters=(Parameter(name="length"),),
        defaults=((14,),),
        warm_up=lambda length: length - 1,
        compute=_williams_r,
        source=(
            "Williams' %R, -100..0: the close below the highest high of `length` bars, in percent of the range down to their "
            "lowest low. A range of zero counts as -50. Williams 1973; numpy."
        ),
    ),
    Family(
        name="tsi",
        stems=("tsi", "tsi_signal"),
        parameters=(Parameter(name="slow"), Parameter(name="fast"), Parameter(name="signal")),
        defaults=((25, 13, 13),),
        warm_up=lambda slow, fast, signal: slow + fast + signal - 2,
        compute=_tsi,
        source=(
            "Blau's true strength index, -100..100: 100 x the changes of the close, smoothed exponentially over `slow` rows "
            "and again over `fast`, by the same of their absolute values; and its exponential mean over `signal` rows. Every "
            "mean is seeded with the simple mean of its own first values. 0 while no close has changed. Blau, Momentum, "
            "Direction and Divergence, 1995; computed on pandas-ta-classic `ema`."
        ),
    ),
    Family(
        name="ultimate",
        stems=("ultimate",),
        parameters=(Parameter(name="short"), Parameter(name="medium", least=2), Parameter(name="long", least=3)),
        defaults=((7, 14, 28),),
        warm_up=lambda _short, _medium, long: long,
        compute=_ultimate,
        refuse=lambda short, medium, long: None if short < medium < long else "short, medium and long must rise",
        source=(
            "Williams' ultimate oscillator, 0..100: the close above the lower of low and previous close, summed, by the "
            "summed true range, over `short`, `medium` and `long` rows with weights 4, 2 and 1. True ranges of zero count as "
            "50. Williams, Technical Analysis of Stocks & Commodities, 4/1985; numpy."
        ),
    ),
)
