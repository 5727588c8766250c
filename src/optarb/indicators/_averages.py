"""Families of the catalogue that average closes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optarb.indicators import _pandas_ta
from optarb.indicators.family import Family, Parameter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from optarb.domain.bars import Bars

__all__ = ["FAMILIES"]


def _sma(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_pandas_ta.sma(bars.close, length),)


def _ema(bars: Bars, length: int) -> tuple[NDArray[np.float64]]:
    return (_pandas_ta.ema(bars.close, length),)


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
            "mean of the first `length` closes. pandas-ta-classic `ema`; equals TA-Lib `EMA`."
        ),
    ),
)
