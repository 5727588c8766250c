"""Estimators of volatility from daily bars, as annual fractions: the square root of 252 daily variances."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from optarb.indicators import _kernels, _windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.bars import Bars

__all__ = [
    "close_to_close",
    "exponentially_weighted",
    "garman_klass",
    "parkinson",
    "rogers_satchell",
    "yang_zhang",
]

_SESSIONS_A_YEAR = 252


def _annual(variance: NDArray[np.float64]) -> NDArray[np.float64]:
    # Opens and closes outside their range, which index data have now and then, can make a variance negative.
    return np.sqrt(_SESSIONS_A_YEAR * np.maximum(variance, 0.0))


def _returns(bars: Bars) -> NDArray[np.float64]:
    return _kernels.changes(np.log(bars.close))


def close_to_close(bars: Bars, length: int) -> NDArray[np.float64]:
    """Returns the sample deviation of the last ``length`` log returns, annual, from row ``length`` on."""
    return _windows.rolling_std(_returns(bars), length, ddof=1) * math.sqrt(_SESSIONS_A_YEAR)


def parkinson(bars: Bars, length: int) -> NDArray[np.float64]:
    """Returns Parkinson's estimate from high and low, from row ``length - 1`` on."""
    squares = np.log(bars.high / bars.low) ** 2
    return _annual(_windows.rolling_sum(squares, length) / length / (4.0 * math.log(2.0)))


def garman_klass(bars: Bars, length: int) -> NDArray[np.float64]:
    """Returns Garman and Klass's estimate without the overnight gap, from row ``length - 1`` on."""
    spread, body = np.log(bars.high / bars.low) ** 2, np.log(bars.close / bars.open) ** 2
    return _annual(_windows.rolling_sum(spread / 2.0 - (2.0 * math.log(2.0) - 1.0) * body, length) / length)


def _rogers_satchell_variance(bars: Bars, length: int) -> NDArray[np.float64]:
    above = np.log(bars.high / bars.close) * np.log(bars.high / bars.open)
    below = np.log(bars.low / bars.close) * np.log(bars.low / bars.open)
    return _windows.rolling_sum(above + below, length) / length


def rogers_satchell(bars: Bars, length: int) -> NDArray[np.float64]:
    """Returns Rogers and Satchell's estimate, which allows for a drift, from row ``length - 1`` on."""
    return _annual(_rogers_satchell_variance(bars, length))


def yang_zhang(bars: Bars, length: int) -> NDArray[np.float64]:
    """Returns Yang and Zhang's estimate, which allows for a drift and for gaps, from row ``length`` on."""
    gaps = np.full(len(bars), np.nan)
    gaps[1:] = np.log(bars.open[1:] / bars.close[:-1])
    overnight = _windows.rolling_std(gaps, length, ddof=1) ** 2
    daytime = _windows.rolling_std(np.log(bars.close / bars.open), length, ddof=1) ** 2
    k = 0.34 / (1.34 + (length + 1) / (length - 1))
    return _annual(overnight + k * daytime + (1.0 - k) * _rogers_satchell_variance(bars, length))


def exponentially_weighted(bars: Bars, length: int, decay: float) -> NDArray[np.float64]:
    """Returns the exponential mean of squared log returns as a volatility, seeded in row ``length``.

    Args:
        bars: More than ``length`` bars.
        length: Rows of the seed, a simple mean.
        decay: Weight of the mean before, 0 to 1.
    """
    squares: list[float] = (_returns(bars)[1:] ** 2).tolist()
    variance = sum(squares[:length]) / length
    variances = [variance]
    for square in squares[length:]:
        variance = decay * variance + (1.0 - decay) * square
        variances.append(variance)
    result = np.full(len(bars), np.nan)
    result[length:] = variances
    return _annual(result)
