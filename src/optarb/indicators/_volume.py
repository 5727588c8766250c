"""Families of the catalogue that weigh prices with volume.

A symbol without volume, such as a volatility index, has zeros there. Each family says what it gives then; it is always a
number, so that the whole catalogue can be computed for every symbol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optarb.indicators import _kernels, _pandas_ta, _windows
from optarb.indicators.family import Family, Parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.bars import Bars

__all__ = ["FAMILIES"]


def _obv(bars: Bars) -> tuple[NDArray[np.float64]]:
    signed = bars.volume.copy()
    signed[1:] *= np.sign(bars.close[1:] - bars.close[:-1])
    return (np.cumsum(signed),)


def _money_flow(bars: Bars) -> NDArray[np.float64]:
    place = _kernels.ratio((bars.close - bars.low) - (bars.high - bars.close), bars.high - bars.low, where_zero=0.0)
    return place * bars.volume


def _ad(bars: Bars) -> tuple[NDArray[np.float64]]:
    return (np.cumsum(_money_flow(bars)),)


def _cmf(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    flow, volume = _windows.rolling_sum(_money_flow(bars), length), _windows.rolling_sum(bars.volume, length)
    return (_kernels.ratio(flow, volume, where_zero=0.0),)


def _mfi(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    typical = (bars.high + bars.low + bars.close) / 3.0
    moves = _kernels.changes(typical)
    # Row 0 has no change, and no flow.
    up = _windows.rolling_sum(np.where(moves > 0.0, typical * bars.volume, 0.0), length)
    down = _windows.rolling_sum(np.where(moves < 0.0, typical * bars.volume, 0.0), length)
    return (100.0 * _kernels.ratio(up, up + down, where_zero=0.5),)


def _volume_ratio(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    mean = _windows.rolling_sum(bars.volume, length) / length
    return (_kernels.ratio(bars.volume, mean, where_zero=1.0),)


def _volume_zscore(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_windows.zscore(bars.volume, length),)


def _vwma(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    traded, volume = (_windows.rolling_sum(values, length) for values in (bars.close * bars.volume, bars.volume))
    return (_kernels.ratio(traded, volume, where_zero=_pandas_ta.sma(bars.close, length)),)


FAMILIES = (
    Family(
        name="obv",
        stems=("obv",),
        parameters=(),
        defaults=((),),
        warm_up=lambda: 0,
        compute=_obv,
        source=(
            "On-balance volume: the volume of bar 0, plus the volume of every bar since that closed higher, less that of every "
            "bar that closed lower. Its level depends on where the history starts; its changes do not. 0 throughout without "
            "volume. Granville, New Key to Stock Market Profits, 1963; numpy."
        ),
    ),
    Family(
        name="ad",
        stems=("ad",),
        parameters=(),
        defaults=((),),
        warm_up=lambda: 0,
        compute=_ad,
        source=(
            "Chaikin's accumulation/distribution line: the running sum of volume x ((close - low) - (high - close)) / (high - "
            "low), from bar 0 on. Its level depends on where the history starts. A bar without a range adds 0; 0 throughout "
            "without volume. numpy."
        ),
    ),
    Family(
        name="cmf",
        stems=("cmf",),
        parameters=(Parameter(name="length"),),
        defaults=((20,),),
        warm_up=lambda length: length - 1,
        compute=_cmf,
        source=(
            "Chaikin's money flow, -1..1: the sum of what each of the last `length` bars adds to `ad`, by the sum of their "
            "volumes. 0 where these have none. numpy."
        ),
    ),
    Family(
        name="mfi",
        stems=("mfi",),
        parameters=(Parameter(name="length"),),
        defaults=((14,),),
        warm_up=lambda length: length,
        compute=_mfi,
        source=(
            "Money flow index, 0..100: of the typical price (high + low + close) / 3 x volume of the last `length` bars, the "
            "percentage in bars whose typical price rose; bars where it stood do not count. 50 where nothing counts, as "
            "without volume. Quong and Soudack, Technical Analysis of Stocks & Commodities, 3/1989; numpy."
        ),
    ),
    Family(
        name="volume_ratio",
        stems=("volume_ratio",),
        parameters=(Parameter(name="length"),),
        defaults=((20,),),
        warm_up=lambda length: length - 1,
        compute=_volume_ratio,
        source=(
            "Volume by the simple mean of the last `length` volumes, the row's own included. 1 where all of them are zero. "
            "numpy."
        ),
    ),
    Family(
        name="volume_zscore",
        stems=("volume_zscore",),
        parameters=(Parameter(name="length", least=2),),
        defaults=((20,),),
        warm_up=lambda length: length - 1,
        compute=_volume_zscore,
        source=(
            "Volume less the mean of the last `length` volumes, the row's own included, in their sample standard deviations "
            "(ddof 1). 0 where all of them are equal, as without volume. numpy."
        ),
    ),
    Family(
        name="vwma",
        stems=("vwma",),
        parameters=(Parameter(name="length"),),
        defaults=((20,),),
        warm_up=lambda length: length - 1,
        compute=_vwma,
        source=(
            "Mean of the last `length` closes weighted with their volumes, in price units; the simple mean where all of these "
            "are zero. numpy; the simple mean is pandas-ta-classic `sma`."
        ),
    ),
)
