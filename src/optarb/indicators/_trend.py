"""Families of the catalogue that say whether there is a trend, and which way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optarb.indicators import _kernels, _stops, _windows
from optarb.indicators.family import Family, Parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.bars import Bars

__all__ = ["FAMILIES"]


def _di(bars: Bars, length: int) -> tuple[NDArray[np.float64], ...]:
    return _kernels.directional_indices(bars, length)


def _adx(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    plus, minus = _kernels.directional_indices(bars, length)
    strength = 100.0 * _kernels.ratio(np.abs(plus - minus), plus + minus, where_zero=0.0)
    return (_kernels.wilder_mean(strength, length, first=length),)


def _aroon(bars: Bars, length: int) -> tuple[NDArray[np.float64], ...]:
    since_low, since_high = _windows.rows_since_extreme(bars.low, bars.high, length + 1)
    up, down = (100.0 * (length - since) / length for since in (since_high, since_low))
    return up, down, up - down


def _psar(bars: Bars, step: float, most: float) -> tuple[NDArray[np.float64]]:
    return (_stops.parabolic(bars, step, most),)


def _supertrend(bars: Bars, length: int, ranges: float) -> tuple[NDArray[np.float64], ...]:
    return _stops.supertrend(bars, length, ranges)


def _linreg(bars: Bars, length: int) -> tuple[NDArray[np.float64], ...]:
    return _windows.linear_regression(bars.close, length)


def _ichimoku(bars: Bars, conversion: int, base: int, span: int) -> tuple[NDArray[np.float64], ...]:
    turning, standard = _middle(bars, conversion), _middle(bars, base)
    return turning, standard, _shifted((turning + standard) / 2.0, base), _shifted(_middle(bars, span), base)


def _middle(bars: Bars, length: int) -> NDArray[np.float64]:
    lowest, highest = _windows.rolling_extremes(bars.low, bars.high, length)
    return (lowest + highest) / 2.0


def _shifted(values: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    result = np.full(len(values), np.nan)
    result[rows:] = values[:-rows]
    return result


FAMILIES = (
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
            "reported. 0 where no bar had a range. Wilder 1978; computed with numpy."
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
            "for such bars."
        ),
    ),
    Family(
        name="aroon",
        stems=("aroon_up", "aroon_down", "aroon_osc"),
        parameters=(Parameter(name="length"),),
        defaults=((25,),),
        warm_up=lambda length: length,
        compute=_aroon,
        source=(
            "Chande's Aroon, 0..100: 100 x (`length` - rows since the highest high of the last `length` + 1 bars) / `length`; "
            "the same for the lowest low; up less down, -100..100. Of equal highs or lows the newest counts, so that flat "
            "prices give 100, 100 and 0. Chande, Technical Analysis of Stocks & Commodities, 9/1995; numpy."
        ),
    ),
    Family(
        name="psar",
        stems=("psar",),
        parameters=(Parameter(name="step", whole=False), Parameter(name="most", whole=False)),
        defaults=((0.02, 0.2),),
        warm_up=lambda _step, _most: 1,
        compute=_psar,
        refuse=lambda step, most: None if step <= most else "step must not be above most",
        source=(
            "Wilder's parabolic stop and reverse, in price units: below the bars while it follows a rise, above them while it "
            "follows a fall. It moves towards the furthest price of the trend by a share that starts at `step` and grows by "
            "`step` at each new extreme, up to `most`. Row 1 is a fall if its low fell by more than its high rose, and starts "
            "at the opposite end of bar 0. Wilder 1978; computed with numpy."
        ),
    ),
    Family(
        name="supertrend",
        stems=("supertrend", "supertrend_direction"),
        parameters=(Parameter(name="length"), Parameter(name="ranges", whole=False)),
        defaults=((10, 3.0),),
        warm_up=lambda length, _ranges: length,
        compute=_supertrend,
        source=(
            "A stop `ranges` x `atr_<length>` away from the middle of the bar, in price units: below it while the direction "
            "is 1, above it while it is -1. It follows the trend and never steps back; a close beyond the other side's band of "
            "the bar before turns it. Row `length` starts with direction 1. Attributed to Seban; the variant of pandas-ta; "
            "numpy."
        ),
    ),
    Family(
        name="linreg",
        stems=("linreg", "linreg_slope", "linreg_r2"),
        parameters=(Parameter(name="length", least=2),),
        defaults=((20,),),
        warm_up=lambda length: length - 1,
        compute=_linreg,
        source=(
            "The straight line of least squares through the last `length` closes: its value in the newest row, its rise a "
            "session in price units, and the share of the variance it explains, 0..1. Where no close differs the slope is "
            "exactly 0 and the share 0. numpy."
        ),
    ),
    Family(
        name="ichimoku",
        stems=("ichimoku_conversion", "ichimoku_base", "ichimoku_span_a", "ichimoku_span_b"),
        parameters=(Parameter(name="conversion"), Parameter(name="base", least=2), Parameter(name="span", least=3)),
        defaults=((9, 26, 52),),
        warm_up=lambda _conversion, base, span: base + span - 1,
        compute=_ichimoku,
        refuse=lambda conversion, base, span: None if conversion < base < span else "conversion, base and span must rise",
        source=(
            "Hosoda's lines, in price units: the middle of highest high and lowest low of `conversion` and of `base` bars, "
            "and the cloud that stands over the row: span A (the mean of both) and span B (the middle of `span` bars) as they "
            "were `base` rows before. The lagging span is left out: it is a close of the future. numpy."
        ),
    ),
)
