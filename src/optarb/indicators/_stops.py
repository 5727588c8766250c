"""Stops that follow a trend and turn with it: recursions with a memory of which side they are on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from optarb.indicators import _kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.bars import Bars

__all__ = ["parabolic", "supertrend"]


def parabolic(bars: Bars, step: float, most: float) -> NDArray[np.float64]:
    """Returns Wilder's parabolic stop from row 1 on.

    Args:
        bars: Two bars or more.
        step: Share of the distance to the extreme at first, and its growth at each new extreme.
        most: Largest share.
    """
    high, low = bars.high.tolist(), bars.low.tolist()
    # A fall is a rise in a mirror: with prices negated, one set of rules serves both sides, to the bit.
    rise, fall = (high, low), ([-price for price in low], [-price for price in high])
    falls = low[0] - low[1] > max(high[1] - high[0], 0.0)
    side, (ahead, behind) = (-1.0, fall) if falls else (1.0, rise)
    stop, extreme, pace = behind[0], ahead[1], step
    stops: list[float] = []
    for row in range(1, len(bars)):
        before = max(row - 1, 1)  # bar 0 only seeds
        if behind[row] <= stop:
            side, (ahead, behind) = (1.0, rise) if side < 0.0 else (-1.0, fall)
            stop = min(-extreme, behind[before], behind[row])
            stops.append(side * stop)
            extreme, pace = ahead[row], step
        else:
            stops.append(side * stop)
            if ahead[row] > extreme:
                extreme, pace = ahead[row], min(pace + step, most)
        stop = min(stop + pace * (extreme - stop), behind[before], behind[row])
    result = np.full(len(bars), np.nan)
    result[1:] = stops
    return result


def supertrend(bars: Bars, length: int, ranges: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the stop and its direction (1 below rising prices, -1 above falling ones) from row ``length`` on.

    Args:
        bars: More than ``length`` bars.
        length: Rows of Wilder's average true range.
        ranges: Average true ranges between the middle of the bar and the stop.
    """
    middle = (bars.high + bars.low) / 2.0
    away = ranges * _kernels.wilder_mean(_kernels.true_range(bars), length, first=1)
    rows = zip(bars.close[length:].tolist(), (middle - away)[length:].tolist(), (middle + away)[length:].tolist(), strict=True)
    floor, ceiling, direction = -np.inf, np.inf, 1.0
    stops: list[float] = []
    directions: list[float] = []
    for close, lower, upper in rows:
        if close > ceiling:
            direction = 1.0
        elif close < floor:
            direction = -1.0
        elif direction > 0.0:
            lower = max(lower, floor)  # noqa: PLW2901 - the band is what the loop carries on
        else:
            upper = min(upper, ceiling)  # noqa: PLW2901 - as above
        floor, ceiling = lower, upper
        stops.append(floor if direction > 0.0 else ceiling)
        directions.append(direction)
    line, which = np.full(len(bars), np.nan), np.full(len(bars), np.nan)
    line[length:], which[length:] = stops, directions
    return line, which
