"""Formulas on plain arrays that the catalogue computes itself, because their seed or their zero ranges are a contract.

Every function is causal: row ``i`` of a result depends on rows ``0..i`` only, and its bits do not depend on how many
rows follow. Those over a window stand in :mod:`optarb.indicators._windows`. Recursions run over Python floats, which a
loop adds faster than numpy scalars: a millisecond for twenty years, where importing scipy's filters costs a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.bars import Bars

__all__ = [
    "changes",
    "directional_indices",
    "ratio",
    "true_range",
    "wilder_mean",
]


def changes(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns each value less the one before; NaN in row 0."""
    result = np.full(len(values), np.nan)
    result[1:] = values[1:] - values[:-1]
    return result


def ratio(
    over: NDArray[np.float64], under: NDArray[np.float64], *, where_zero: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Divides, with a stated value where the divisor is zero.

    Args:
        over: Dividends, shape ``(n,)``.
        under: Divisors, shape ``(n,)``; NaN gives NaN.
        where_zero: The quotient where the divisor is exactly zero.
    """
    zero = under == 0.0
    return np.where(zero, where_zero, over / np.where(zero, 1.0, under))


def true_range(bars: Bars) -> NDArray[np.float64]:
    """Returns Wilder's true range: from the lower of low and previous close to the higher of high and previous close.

    Row 0 has no previous close and is NaN.
    """
    result = np.full(len(bars), np.nan)
    high, low, before = bars.high[1:], bars.low[1:], bars.close[:-1]
    result[1:] = np.maximum(high, before) - np.minimum(low, before)
    return result


def wilder_mean(values: NDArray[np.float64], length: int, *, first: int = 0) -> NDArray[np.float64]:
    """Returns Wilder's smoothed mean, ``(previous x (length - 1) + value) / length``.

    Args:
        values: Shape ``(n,)``, with ``n >= first + length``.
        length: Rows of the mean, 1 or more.
        first: Row of the first value.

    Returns:
        Shape ``(n,)``: seeded in row ``first + length - 1`` with the simple mean of the first ``length`` values; NaN
        before.
    """
    result = np.full(len(values), np.nan)
    numbers: list[float] = values[first:].tolist()
    mean = sum(numbers[:length]) / length
    smoothed = [mean]
    for value in numbers[length:]:
        mean = (mean * (length - 1) + value) / length
        smoothed.append(mean)
    result[first + length - 1 :] = smoothed
    return result


def _wilder_sum(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Returns Wilder's smoothed sum, ``previous - previous / length + value``, from row ``length`` on.

    The seed is the sum of rows 1 to ``length - 1`` and is itself not reported, as in TA-Lib.
    """
    result = np.full(len(values), np.nan)
    numbers: list[float] = values[1:].tolist()
    total = sum(numbers[: length - 1])
    smoothed: list[float] = []
    for value in numbers[length - 1 :]:
        total = total - total / length + value
        smoothed.append(total)
    result[length:] = smoothed
    return result


def directional_indices(bars: Bars, length: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns Wilder's +DI and -DI, 0..100, from row ``length`` on; zero where no bar had a range.

    Args:
        bars: More than ``length`` bars.
        length: Rows of the smoothing, 2 or more.
    """
    up, down = changes(bars.high), -changes(bars.low)
    plus = np.where((up > down) & (up > 0.0), up, 0.0)
    minus = np.where((down > up) & (down > 0.0), down, 0.0)
    span = _wilder_sum(true_range(bars), length)
    return (
        100.0 * ratio(_wilder_sum(plus, length), span, where_zero=0.0),
        100.0 * ratio(_wilder_sum(minus, length), span, where_zero=0.0),
    )
