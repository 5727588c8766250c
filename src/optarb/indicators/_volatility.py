"""Families of the catalogue that say how far prices move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optarb.indicators import _estimators, _kernels, _pandas_ta, _windows
from optarb.indicators.family import Family, Parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.bars import Bars

__all__ = ["FAMILIES"]


def _bollinger(bars: Bars, length: int, deviations: float) -> tuple[NDArray[np.float64], ...]:
    middle = _pandas_ta.sma(bars.close, length)
    half = deviations * _windows.rolling_std(bars.close, length, ddof=0)
    upper, lower = middle + half, middle - half
    inside = _kernels.ratio(bars.close - lower, 2.0 * half, where_zero=0.5)
    return upper, middle, lower, 2.0 * half / middle, inside


def _squeeze(bars: Bars, length: int, deviations: float, ranges: float) -> tuple[NDArray[np.float64]]:
    # Both channels stand around the same mean, so the narrower one is inside the other.
    bollinger = deviations * _windows.rolling_std(bars.close, length, ddof=0)
    keltner = ranges * _pandas_ta.sma(_kernels.true_range(bars), length)
    return ((bollinger < keltner).astype(np.float64),)


def _atr(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_kernels.wilder_mean(_kernels.true_range(bars), length, first=1),)


def _natr(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (100.0 * _kernels.wilder_mean(_kernels.true_range(bars), length, first=1) / bars.close,)


def _true_range(bars: Bars) -> tuple[NDArray[np.float64]]:
    return (_kernels.true_range(bars),)


def _keltner(bars: Bars, length: int, atr: int, ranges: float) -> tuple[NDArray[np.float64], ...]:
    middle = _pandas_ta.ema(bars.close, length)
    half = ranges * _kernels.wilder_mean(_kernels.true_range(bars), atr, first=1)
    return middle + half, middle, middle - half


def _donchian(bars: Bars, length: int) -> tuple[NDArray[np.float64], ...]:
    lowest, highest = _windows.rolling_extremes(bars.low, bars.high, length)
    return highest, (highest + lowest) / 2.0, lowest


def _realised_vol(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_estimators.close_to_close(bars, length),)


def _parkinson(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_estimators.parkinson(bars, length),)


def _garman_klass(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_estimators.garman_klass(bars, length),)


def _rogers_satchell(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_estimators.rogers_satchell(bars, length),)


def _yang_zhang(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_estimators.yang_zhang(bars, length),)


def _ewma_vol(bars: Bars, length: int, decay: float) -> tuple[NDArray[np.float64]]:
    return (_estimators.exponentially_weighted(bars, length, decay),)


def _vol_of_vol(bars: Bars, vol: int, length: int) -> tuple[NDArray[np.float64]]:
    return (_windows.rolling_std(_estimators.close_to_close(bars, vol), length, ddof=1),)


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
            "population standard deviations (ddof 0) above and below. Width: (upper - lower) / "
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
            "since releases of pandas-ta-classic seed `atr` differently."
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
    Family(
        name="natr",
        stems=("natr",),
        parameters=(Parameter(name="length"),),
        defaults=((14,),),
        warm_up=lambda length: length,
        compute=_natr,
        source="`atr` in percent of the close, seeded as it is. numpy.",
    ),
    Family(
        name="true_range",
        stems=("true_range",),
        parameters=(),
        defaults=((),),
        warm_up=lambda: 1,
        compute=_true_range,
        source=(
            "Wilder's true range, in price units: from the lower of low and previous close to the higher of high and previous "
            "close. Wilder 1978; numpy."
        ),
    ),
    Family(
        name="keltner",
        stems=("keltner_upper", "keltner_middle", "keltner_lower"),
        parameters=(Parameter(name="length"), Parameter(name="atr"), Parameter(name="ranges", whole=False)),
        defaults=((20, 10, 2.0),),
        warm_up=lambda length, atr, _ranges: max(length - 1, atr),
        compute=_keltner,
        source=(
            "Keltner's channel in Raschke's form, in price units: `ema_<length>` of the closes and `ranges` x `atr_<atr>` "
            "above and below. Computed with numpy and pandas-ta-classic `ema`."
        ),
    ),
    Family(
        name="donchian",
        stems=("donchian_upper", "donchian_middle", "donchian_lower"),
        parameters=(Parameter(name="length"),),
        defaults=((20,),),
        warm_up=lambda length: length - 1,
        compute=_donchian,
        source=(
            "Donchian's channel, in price units: highest high and lowest low of the last `length` bars, the row's own "
            "included, and the middle of both. A break-out compares the close with the row before (`back=1`). numpy."
        ),
    ),
    Family(
        name="parkinson_vol",
        stems=("parkinson_vol",),
        parameters=(Parameter(name="length"),),
        defaults=((20,),),
        warm_up=lambda length: length - 1,
        compute=_parkinson,
        source=(
            "Square root of 252 x the mean of ln(high / low)^2 / (4 ln 2) over `length` bars: an annual fraction. It does not "
            "see overnight gaps. 0 for bars without a range. Parkinson, Journal of Business 53, 1980; numpy."
        ),
    ),
    Family(
        name="garman_klass_vol",
        stems=("garman_klass_vol",),
        parameters=(Parameter(name="length"),),
        defaults=((20,),),
        warm_up=lambda length: length - 1,
        compute=_garman_klass,
        source=(
            "Square root of 252 x the mean of ln(high / low)^2 / 2 - (2 ln 2 - 1) ln(close / open)^2 over `length` bars: an "
            "annual fraction. It does not see overnight gaps. 0 for bars without a range, and where opens or closes outside "
            "their range make the mean negative. Garman and Klass, Journal of Business 53, 1980; numpy."
        ),
    ),
    Family(
        name="rogers_satchell_vol",
        stems=("rogers_satchell_vol",),
        parameters=(Parameter(name="length"),),
        defaults=((20,),),
        warm_up=lambda length: length - 1,
        compute=_rogers_satchell,
        source=(
            "Square root of 252 x the mean of ln(high / close) ln(high / open) + ln(low / close) ln(low / open) over `length` "
            "bars: an annual fraction that a trend does not raise. It does not see overnight gaps. 0 for bars without a range, "
            "and where opens or closes outside their range make the mean negative. Rogers and Satchell, Annals of Applied "
            "Probability 1, 1991; numpy."
        ),
    ),
    Family(
        name="yang_zhang_vol",
        stems=("yang_zhang_vol",),
        parameters=(Parameter(name="length", least=2),),
        defaults=((20,),),
        warm_up=lambda length: length,
        compute=_yang_zhang,
        source=(
            "Square root of 252 x (V + k C + (1 - k) S) over `length` bars: an annual fraction. V is the sample variance of "
            "ln(open / previous close), C that of ln(close / open), S the mean of Rogers and Satchell, k = 0.34 / (1.34 + "
            "(`length` + 1) / (`length` - 1)). It sees gaps; for bars that are closes only it is `realised_vol`. Yang and "
            "Zhang, Journal of Business 73, 2000; numpy."
        ),
    ),
    Family(
        name="ewma_vol",
        stems=("ewma_vol",),
        parameters=(Parameter(name="length"), Parameter(name="decay", whole=False)),
        defaults=((20, 0.94),),
        warm_up=lambda length, _decay: length,
        compute=_ewma_vol,
        refuse=lambda _length, decay: None if decay < 1.0 else "decay must be less than 1",
        source=(
            "RiskMetrics' volatility: square root of 252 x the exponential mean of the squared daily log returns, previous x "
            "`decay` + square x (1 - `decay`): an annual fraction. Seeded in row `length` with the simple mean of the first "
            "`length` squares. J.P. Morgan, RiskMetrics Technical Document, 1996; numpy."
        ),
    ),
    Family(
        name="vol_of_vol",
        stems=("vol_of_vol",),
        parameters=(Parameter(name="vol", least=2), Parameter(name="length", least=2)),
        defaults=((20, 20),),
        warm_up=lambda vol, length: vol + length - 1,
        compute=_vol_of_vol,
        source="Sample standard deviation (ddof 1) of the last `length` values of `realised_vol_<vol>`. numpy.",
    ),
)
