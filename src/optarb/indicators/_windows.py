"""Formulas over the last ``length`` rows of a column.

Every function is causal: row ``i`` of a result depends on rows ``0..i`` only, and its bits do not depend on how many
rows follow. Sums over a window are therefore added lag by lag, in one fixed order for every row; numpy's own reductions
choose an order by shape. A window of equal values gives exact zeros, which a running sum would miss by a residue.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from optarb.indicators import _kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "efficiency",
    "lagged",
    "linear_regression",
    "mean_absolute_deviation",
    "mean_distance",
    "percentile",
    "rolling_correlation",
    "rolling_extremes",
    "rolling_std",
    "rolling_sum",
    "rows_since_extreme",
    "weighted_mean",
    "zscore",
]


def lagged(values: NDArray[np.float64], length: int) -> Iterator[NDArray[np.float64]]:
    """Yields the values of every full window, the newest first: views of shape ``(n - length + 1,)``, a lag each."""
    for lag in range(length):
        yield values[length - 1 - lag : len(values) - lag]


def _padded(values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Returns ``n`` rows that end with the values; NaN before."""
    result = np.full(n, np.nan)
    result[n - len(values) :] = values
    return result


def _distances(values: NDArray[np.float64], length: int) -> list[NDArray[np.float64]]:
    """Returns the values of every full window less the newest, the newest first, so that equal values are exact zeros."""
    newest = values[length - 1 :]
    return [earlier - newest for earlier in lagged(values, length)]


def _total(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    return sum(parts, np.zeros(len(parts[0])))


def rolling_sum(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Returns the sum of the last ``length`` values; exactly zero where they are all zero.

    Args:
        values: Shape ``(n,)``, with ``n >= length``; leading NaN give leading NaN.
        length: Rows of the window, 1 or more.
    """
    return _padded(_total(list(lagged(values, length))), len(values))


def rolling_std(values: NDArray[np.float64], length: int, *, ddof: int) -> NDArray[np.float64]:
    """Returns the standard deviation of the last ``length`` values; exactly zero where they are all equal.

    Args:
        values: Shape ``(n,)``, with ``n >= length``; leading NaN gives leading NaN.
        length: Rows of the window, more than ``ddof``.
        ddof: 0 for the population's deviation, 1 for the sample's.
    """
    distances = _distances(values, length)
    mean = _total(distances) / length
    squares = np.zeros(len(mean))
    for distance in distances:
        squares += (distance - mean) ** 2
    return _padded(np.sqrt(squares / (length - ddof)), len(values))


def mean_distance(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Returns the mean of the last ``length`` values less the newest; exactly zero where they are all equal."""
    return _padded(_total(_distances(values, length)) / length, len(values))


def mean_absolute_deviation(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Returns the mean distance of the last ``length`` values from their mean; exactly zero where they are all equal."""
    distances = _distances(values, length)
    mean = _total(distances) / length
    return _padded(_total([np.abs(distance - mean) for distance in distances]) / length, len(values))


def zscore(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Returns the newest of the last ``length`` values in sample deviations from their mean; 0 where they are all equal."""
    return _kernels.ratio(-mean_distance(values, length), rolling_std(values, length, ddof=1), where_zero=0.0)


def weighted_mean(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Returns the mean of the last ``length`` values with weights ``length`` (the newest) down to 1."""
    distances = _distances(values, length)
    weighted = _total([(length - lag) * distance for lag, distance in enumerate(distances)])
    return values + _padded(weighted / (length * (length + 1) / 2), len(values))


def linear_regression(
    values: NDArray[np.float64], length: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Fits a straight line to the last ``length`` values by least squares.

    Args:
        values: Shape ``(n,)``, with ``n >= length``.
        length: Rows of the window, 2 or more.

    Returns:
        The line's value in the newest row, its rise a row, and the share of the variance it explains (0..1; 0 where all
        values are equal).
    """
    distances = _distances(values, length)
    middle = (length - 1) / 2
    spread = length * (length * length - 1) / 12
    slope = _total([(middle - lag) * distance for lag, distance in enumerate(distances)]) / spread
    mean = _total(distances) / length
    squares = _total([(distance - mean) ** 2 for distance in distances])
    explained = np.minimum(_kernels.ratio(slope * slope * spread, squares, where_zero=0.0), 1.0)
    n = len(values)
    return values + _padded(mean + slope * middle, n), _padded(slope, n), _padded(explained, n)


def rolling_correlation(x: NDArray[np.float64], y: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Returns Pearson's correlation of the last ``length`` pairs, -1..1; 0 where either is constant.

    Args:
        x: Shape ``(n,)``, with ``n >= length``; leading NaN give leading NaN.
        y: As ``x``.
        length: Pairs of the window, 2 or more.
    """
    far_x, far_y = _distances(x, length), _distances(y, length)
    mean_x, mean_y = _total(far_x) / length, _total(far_y) / length
    both, only_x, only_y = np.zeros(len(mean_x)), np.zeros(len(mean_x)), np.zeros(len(mean_x))
    for a, b in zip(far_x, far_y, strict=True):
        both += (a - mean_x) * (b - mean_y)
        only_x += (a - mean_x) ** 2
        only_y += (b - mean_y) ** 2
    correlation = _kernels.ratio(both, np.sqrt(only_x) * np.sqrt(only_y), where_zero=0.0)
    return _padded(np.clip(correlation, -1.0, 1.0), len(x))


def rolling_extremes(
    low: NDArray[np.float64], high: NDArray[np.float64], length: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the lowest low and the highest high of the last ``length`` rows; NaN in the first ``length - 1``.

    Args:
        low: Shape ``(n,)``, with ``n >= length``.
        high: As ``low``.
        length: Rows of the window, 1 or more.
    """
    windows = np.lib.stride_tricks.sliding_window_view
    lowest, highest = windows(low, length).min(axis=1), windows(high, length).max(axis=1)
    return _padded(lowest, len(low)), _padded(highest, len(high))


def rows_since_extreme(
    low: NDArray[np.float64], high: NDArray[np.float64], length: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns how many rows ago the lowest low and the highest high of the last ``length`` rows were; of equals the newest.

    Args:
        low: Shape ``(n,)``, with ``n >= length``.
        high: As ``low``.
        length: Rows of the window, 1 or more.
    """
    windows = np.lib.stride_tricks.sliding_window_view
    lowest = windows(low, length)[:, ::-1].argmin(axis=1).astype(np.float64)
    highest = windows(high, length)[:, ::-1].argmax(axis=1).astype(np.float64)
    return _padded(lowest, len(low)), _padded(highest, len(high))


def percentile(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Returns the share of the ``length`` values before that lie below the row's own, 0..1; equal ones count half.

    Args:
        values: Shape ``(n,)``, with ``n > length``; leading NaN give values without a meaning in the rows they reach.
        length: Values to compare with, 1 or more.
    """
    newest, *before = lagged(values, length + 1)
    below = _total([(earlier < newest) + 0.5 * (earlier == newest) for earlier in before])
    return _padded(below / length, len(values))


def efficiency(values: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Returns Kaufman's efficiency ratio: net change over ``length`` rows by the path walked, 0..1; 0 without movement.

    Args:
        values: Shape ``(n,)``, with ``n > length``.
        length: Rows back, 1 or more.
    """
    path = rolling_sum(np.abs(_kernels.changes(values)), length)
    net = _padded(np.abs(values[length:] - values[:-length]), len(values))
    return np.minimum(_kernels.ratio(net, path, where_zero=0.0), 1.0)
