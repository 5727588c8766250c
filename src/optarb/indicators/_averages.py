"""Families of the catalogue that average closes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from optarb.indicators import _pandas_ta, _windows
from optarb.indicators.family import Family, Parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.bars import Bars

__all__ = ["FAMILIES"]


def _sma(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_pandas_ta.sma(bars.close, length),)


def _ema(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_pandas_ta.ema(bars.close, length),)


def _wma(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_windows.weighted_mean(bars.close, length),)


def _dema(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    once = _pandas_ta.ema(bars.close, length)
    return (2.0 * once - _pandas_ta.ema(once, length),)


def _tema(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    once = _pandas_ta.ema(bars.close, length)
    twice = _pandas_ta.ema(once, length)
    return (3.0 * (once - twice) + _pandas_ta.ema(twice, length),)


def _hma(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    ahead = 2.0 * _windows.weighted_mean(bars.close, length // 2) - _windows.weighted_mean(bars.close, length)
    return (_windows.weighted_mean(ahead, math.isqrt(length)),)


def _kama(bars: Bars, length: int, fast: int, slow: int) -> tuple[NDArray[np.float64]]:
    quickest, slowest = 2.0 / (fast + 1), 2.0 / (slow + 1)
    weights = (_windows.efficiency(bars.close, length) * (quickest - slowest) + slowest) ** 2
    mean = float(bars.close[length - 1])
    means: list[float] = []
    for close, weight in zip(bars.close[length:].tolist(), weights[length:].tolist(), strict=True):
        mean += weight * (close - mean)
        means.append(mean)
    result = np.full(len(bars), np.nan)
    result[length:] = means
    return (result,)


FAMILIES = (
    Family(
        name="sma",
        stems=("sma",),
        parameters=(Parameter(name="length"),),
        defaults=((20,), (10,), (50,), (200,)),
        warm_up=lambda length: length - 1,
        compute=_sma,
        source="Simple mean of the last `length` closes. pandas-ta-classic `sma`.",
    ),
    Family(
        name="ema",
        stems=("ema",),
        parameters=(Parameter(name="length"),),
        defaults=((20,), (10,), (50,), (200,)),
        warm_up=lambda length: length - 1,
        compute=_ema,
        source=(
            "Exponential mean of the closes with weight 2 / (`length` + 1), seeded in row `length` - 1 with the simple "
            "mean of the first `length` closes. pandas-ta-classic `ema`."
        ),
    ),
    Family(
        name="wma",
        stems=("wma",),
        parameters=(Parameter(name="length"),),
        defaults=((20,),),
        warm_up=lambda length: length - 1,
        compute=_wma,
        source="Mean of the last `length` closes with weights `length` (the newest) down to 1. numpy.",
    ),
    Family(
        name="dema",
        stems=("dema",),
        parameters=(Parameter(name="length"),),
        defaults=((20,),),
        warm_up=lambda length: 2 * (length - 1),
        compute=_dema,
        source=(
            "Double exponential mean: 2 x `ema` less the exponential mean of `ema`, each seeded with the simple mean of its "
            "own first `length` values. Mulloy, Technical Analysis of Stocks & Commodities, 1/1994; computed on "
            "pandas-ta-classic `ema`."
        ),
    ),
    Family(
        name="tema",
        stems=("tema",),
        parameters=(Parameter(name="length"),),
        defaults=((20,),),
        warm_up=lambda length: 3 * (length - 1),
        compute=_tema,
        source=(
            "Triple exponential mean: 3 x (`ema` less its exponential mean) plus the exponential mean of that one, each "
            "seeded with the simple mean of its own first `length` values. Mulloy 1994; computed on pandas-ta-classic `ema`."
        ),
    ),
    Family(
        name="hma",
        stems=("hma",),
        parameters=(Parameter(name="length", least=2),),
        defaults=((20,),),
        warm_up=lambda length: length + math.isqrt(length) - 2,
        compute=_hma,
        source=(
            "Hull's mean: the weighted mean (`wma`) over the square root of `length` rows of 2 x the weighted mean of "
            "`length` / 2 closes less that of `length` closes; both lengths rounded down. It can leave the range of the "
            "closes. Hull, alanhull.com/hull-moving-average; numpy."
        ),
    ),
    Family(
        name="kama",
        stems=("kama",),
        parameters=(Parameter(name="length"), Parameter(name="fast"), Parameter(name="slow", least=2)),
        defaults=((10, 2, 30),),
        warm_up=lambda length, _fast, _slow: length,
        compute=_kama,
        refuse=lambda _length, fast, slow: None if fast < slow else "fast must be less than slow",
        source=(
            "Kaufman's adaptive mean: an exponential mean of the closes whose weight is the square of a number between "
            "2 / (`slow` + 1), where `efficiency_ratio` over `length` rows is 0, and 2 / (`fast` + 1), where it is 1. Seeded "
            "with the close of row `length` - 1, which is not reported. Kaufman, Smarter Trading, 1995; numpy."
        ),
    ),
)
