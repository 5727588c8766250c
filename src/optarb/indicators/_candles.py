"""Families of the catalogue that look at the shape of bars, and at where the price stands among those before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optarb.indicators import _kernels, _windows
from optarb.indicators.family import Family, Parameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.bars import Bars

__all__ = ["FAMILIES"]


def _candle(bars: Bars) -> tuple[NDArray[np.float64], ...]:
    high_end, low_end = np.maximum(bars.open, bars.close), np.minimum(bars.open, bars.close)
    # Published index data have opens and closes outside low to high now and then.
    top, bottom = np.maximum(bars.high, high_end), np.minimum(bars.low, low_end)
    body, upper, lower = (
        _kernels.ratio(part, top - bottom, where_zero=0.0)
        for part in (bars.close - bars.open, top - high_end, low_end - bottom)
    )
    return body, upper, lower


def _doji(bars: Bars, length: int, share: float) -> tuple[NDArray[np.float64]]:
    usual = np.full(len(bars), np.nan)
    usual[1:] = (_windows.rolling_sum(bars.high - bars.low, length) / length)[:-1]
    small = np.abs(bars.close - bars.open) <= share * usual
    return ((small & (usual > 0.0)).astype(np.float64),)


def _inside_bar(bars: Bars) -> tuple[NDArray[np.float64], ...]:
    higher, lower = _kernels.changes(bars.high), _kernels.changes(bars.low)
    inside, outside = (higher < 0.0) & (lower > 0.0), (higher > 0.0) & (lower < 0.0)
    return inside.astype(np.float64), outside.astype(np.float64)


def _gap(bars: Bars) -> tuple[NDArray[np.float64]]:
    result = np.full(len(bars), np.nan)
    result[1:] = bars.open[1:] / bars.close[:-1] - 1.0
    return (result,)


def _distance(bars: Bars, length: int) -> tuple[NDArray[np.float64], ...]:
    lowest, highest = _windows.rolling_extremes(bars.low, bars.high, length)
    return bars.close / highest - 1.0, bars.close / lowest - 1.0


def _drawdown(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    _, highest = _windows.rolling_extremes(bars.close, bars.close, length)
    return (bars.close / highest - 1.0,)


FAMILIES = (
    Family(
        name="candle",
        stems=("candle_body", "candle_upper", "candle_lower"),
        parameters=(),
        defaults=((),),
        warm_up=lambda: 0,
        compute=_candle,
        source=(
            "Close less open (-1..1), upper shadow and lower shadow (0..1 each), as fractions of the bar's range; the absolute "
            "values add up to 1. An open or close outside low to high widens the range. All 0 for a bar without a range, as of "
            "a symbol with closes only. numpy."
        ),
    ),
    Family(
        name="doji",
        stems=("doji",),
        parameters=(Parameter(name="length"), Parameter(name="share", whole=False)),
        defaults=((10, 0.1),),
        warm_up=lambda length, _share: length,
        compute=_doji,
        source=(
            "1 where open and close are no further apart than `share` x the mean range (high - low) of the `length` bars "
            "before, else 0; 0 where these had no range, as of a symbol with closes only. Nison, Japanese Candlestick Charting "
            "Techniques, 1991; numpy."
        ),
    ),
    Family(
        name="inside_bar",
        stems=("inside_bar", "outside_bar"),
        parameters=(),
        defaults=((),),
        warm_up=lambda: 1,
        compute=_inside_bar,
        source=(
            "Inside: 1 where the high is lower and the low higher than those of the bar before, else 0. Outside: 1 where the "
            "high is higher and the low lower, else 0. Both 0 for a symbol with closes only. numpy."
        ),
    ),
    Family(
        name="gap",
        stems=("gap",),
        parameters=(),
        defaults=((),),
        warm_up=lambda: 1,
        compute=_gap,
        source=(
            "Open by the close before, less 1: a fraction, without dividends. For a symbol with closes only it is `return_1`. "
            "numpy."
        ),
    ),
    Family(
        name="distance",
        stems=("from_high", "from_low"),
        parameters=(Parameter(name="length"),),
        defaults=((252,), (20,)),
        warm_up=lambda length: length - 1,
        compute=_distance,
        source=(
            "Close by the highest high, and by the lowest low, of the last `length` bars, the row's own included, less 1: "
            "fractions, at most 0 and at least 0. numpy."
        ),
    ),
    Family(
        name="drawdown",
        stems=("drawdown",),
        parameters=(Parameter(name="length"),),
        defaults=((252,),),
        warm_up=lambda length: length - 1,
        compute=_drawdown,
        source=(
            "Close by the highest close of the last `length` bars, the row's own included, less 1: a fraction, at most 0. "
            "numpy."
        ),
    ),
)
