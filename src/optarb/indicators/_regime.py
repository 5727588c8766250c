"""Families of the catalogue that say what kind of market it is: high or low, trending or reverting, calm or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optarb.indicators import _estimators, _kernels, _windows
from optarb.indicators.family import Family, Parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.bars import Bars

__all__ = ["FAMILIES"]


def _sma_cross(bars: Bars, fast: int, slow: int) -> tuple[NDArray[np.float64]]:
    # Means as distances from the newest close, so that equal closes give exactly 0 and no side.
    return (np.sign(_windows.mean_distance(bars.close, fast) - _windows.mean_distance(bars.close, slow)),)


def _close_percentile(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_windows.percentile(bars.close, length),)


def _vol_percentile(bars: Bars, vol: int, length: int) -> tuple[NDArray[np.float64]]:
    return (_windows.percentile(_estimators.close_to_close(bars, vol), length),)


def _close_rank(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    lowest, highest = _windows.rolling_extremes(bars.close, bars.close, length)
    return (_kernels.ratio(bars.close - lowest, highest - lowest, where_zero=0.5),)


def _zscore(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_windows.zscore(bars.close, length),)


def _efficiency_ratio(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_windows.efficiency(bars.close, length),)


def _variance_ratio(bars: Bars, length: int, lag: int) -> tuple[NDArray[np.float64]]:
    prices = np.log(bars.close)
    steps, strides = _kernels.changes(prices), np.full(len(bars), np.nan)
    strides[lag:] = prices[lag:] - prices[:-lag]
    mean = np.full(len(bars), np.nan)
    mean[length:] = (prices[length:] - prices[:-length]) / length
    short, long = np.zeros(len(bars) - length), np.zeros(len(bars) - length)
    for values in _windows.lagged(steps[1:], length):
        short += (values - mean[length:]) ** 2
    overlapping = length - lag + 1
    for values in _windows.lagged(strides[lag:], overlapping):
        long += (values - lag * mean[length:]) ** 2
    unbiased = long / (lag * overlapping * (1.0 - lag / length)) * (length - 1)
    result = np.full(len(bars), np.nan)
    result[length:] = _kernels.ratio(unbiased, short, where_zero=1.0)
    return (result,)


def _autocorrelation(bars: Bars, length: int, lag: int) -> tuple[NDArray[np.float64]]:
    returns = _kernels.changes(np.log(bars.close))
    before = np.full(len(bars), np.nan)
    before[lag:] = returns[:-lag]
    return (_windows.rolling_correlation(returns, before, length),)


FAMILIES = (
    Family(
        name="sma_cross",
        stems=("sma_cross",),
        parameters=(Parameter(name="fast"), Parameter(name="slow", least=2)),
        defaults=((50, 200),),
        warm_up=lambda _fast, slow: slow - 1,
        compute=_sma_cross,
        refuse=lambda fast, slow: None if fast < slow else "fast must be less than slow",
        source=(
            "1 where the simple mean of the last `fast` closes lies above that of the last `slow`, -1 where it lies below, 0 "
            "where they are equal. numpy."
        ),
    ),
    Family(
        name="close_percentile",
        stems=("close_percentile",),
        parameters=(Parameter(name="length"),),
        defaults=((252,),),
        warm_up=lambda length: length,
        compute=_close_percentile,
        source=(
            "Share of the `length` closes before that lie below the row's own, 0..1; equal ones count half, so that flat "
            "prices give 0.5. Of the VIX it is what traders call IV percentile. numpy."
        ),
    ),
    Family(
        name="close_rank",
        stems=("close_rank",),
        parameters=(Parameter(name="length"),),
        defaults=((252,),),
        warm_up=lambda length: length - 1,
        compute=_close_rank,
        source=(
            "Place of the close between the lowest (0) and the highest (1) close of the last `length` bars, the row's own "
            "included; 0.5 where they are equal. Of the VIX it is what traders call IV rank. numpy."
        ),
    ),
    Family(
        name="realised_vol_percentile",
        stems=("realised_vol_percentile",),
        parameters=(Parameter(name="vol", least=2), Parameter(name="length")),
        defaults=((20, 252),),
        warm_up=lambda vol, length: vol + length,
        compute=_vol_percentile,
        source=(
            "Share of the `length` values of `realised_vol_<vol>` before that lie below the row's own, 0..1; equal ones count "
            "half. numpy."
        ),
    ),
    Family(
        name="zscore",
        stems=("zscore",),
        parameters=(Parameter(name="length", least=2),),
        defaults=((20,),),
        warm_up=lambda length: length - 1,
        compute=_zscore,
        source=(
            "Close less the mean of the last `length` closes, the row's own included, in their sample standard deviations "
            "(ddof 1). 0 where they are equal. numpy."
        ),
    ),
    Family(
        name="efficiency_ratio",
        stems=("efficiency_ratio",),
        parameters=(Parameter(name="length"),),
        defaults=((10,),),
        warm_up=lambda length: length,
        compute=_efficiency_ratio,
        source=(
            "Kaufman's efficiency ratio, 0..1: the absolute change of the close over `length` sessions, by the sum of the "
            "absolute daily changes. 0 where no close has changed. Kaufman, Smarter Trading, 1995; numpy."
        ),
    ),
    Family(
        name="variance_ratio",
        stems=("variance_ratio",),
        parameters=(Parameter(name="length", least=3), Parameter(name="lag", least=2)),
        defaults=((60, 5),),
        warm_up=lambda length, _lag: length,
        compute=_variance_ratio,
        refuse=lambda length, lag: None if lag < length else "lag must be less than length",
        source=(
            "Lo and MacKinlay's variance ratio of the last `length` daily log returns: the variance of overlapping sums of "
            "`lag` of them, by `lag` daily variances, mean removed, both unbiased. Above 1 where moves go on, below 1 where "
            "they revert, 1 where no close has changed. Lo and MacKinlay, Review of Financial Studies 1, 1988; numpy."
        ),
    ),
    Family(
        name="autocorrelation",
        stems=("autocorrelation",),
        parameters=(Parameter(name="length", least=2), Parameter(name="lag")),
        defaults=((60, 1),),
        warm_up=lambda length, lag: length + lag,
        compute=_autocorrelation,
        source=(
            "Pearson's correlation, -1..1, of the last `length` daily log returns with those `lag` sessions before each. 0 "
            "where either are all equal. numpy."
        ),
    ),
)
