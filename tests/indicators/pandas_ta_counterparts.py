"""What each column of the catalogue is in pandas-ta. The reference page shows it; test_pandas_ta_counterparts.py proves it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from tests.indicators.claims import Claim, Column

RELEASE = "0.4.71b0"
"""The release that requirements/pandas-ta.txt pins."""


def _as_it_is(column: Column) -> Column:
    return column


@dataclass(frozen=True, kw_only=True)
class PandasTaClaim(Claim):
    """A claim about a function of pandas-ta, which runs in another interpreter and is called with plain values."""

    series: str
    """The series it takes: o, h, l, c and v; r for log returns."""
    options: Callable[..., Mapping[str, Any]] = lambda length: {"length": length}
    """Called with the indicator's parameters: the options to pass."""
    output: tuple[int, ...] = (0,)
    """Which of the columns it returns; of several, each row's first number."""
    then: Callable[[Column], Column] = _as_it_is
    """Brings the column to the unit and the row of the catalogue."""


_LENGTHS = ((20,), (7,))
_HALVES = "it starts its later means at once, with a first value"
_SEED = "it seeds its means with their first value"
_SHORT_SEED = "it seeds its average true range one row early, with a mean of one value less"
_KELTNER = "it smooths the true range exponentially, over `length` rows"


def _directional(output: int) -> PandasTaClaim:
    return PandasTaClaim(function="adx", series="hlc", parameters=((14,), (5,)), output=(output,), differs=_SEED, settled=600)


def _aroon(output: int) -> PandasTaClaim:
    return PandasTaClaim(function="aroon", series="hl", parameters=((25,), (10,)), output=(output,))


def _supertrend(output: int) -> PandasTaClaim:
    return PandasTaClaim(
        function="supertrend",
        series="hlc",
        parameters=((10, 3.0),),
        options=lambda length, ranges: {"length": length, "atr_length": length, "multiplier": ranges},
        output=(output,),
        differs=_SHORT_SEED,
        settled=600,
    )


def _ichimoku(output: int, **rest: Any) -> PandasTaClaim:
    return PandasTaClaim(
        function="ichimoku",
        series="hlc",
        parameters=((9, 26, 52), (5, 12, 30)),
        options=lambda conversion, base, span: {"tenkan": conversion, "kijun": base, "senkou": span, "lookahead": False},
        output=(output,),
        **rest,
    )


def _next_row(column: Column) -> Column:
    return np.concatenate(([np.nan], column[:-1]))


def _macd(output: int) -> PandasTaClaim:
    return PandasTaClaim(
        function="macd",
        series="c",
        parameters=((12, 26, 9), (5, 35, 5)),
        options=lambda fast, slow, signal: {"fast": fast, "slow": slow, "signal": signal},
        output=(output,),
    )


def _stoch(output: int) -> PandasTaClaim:
    return PandasTaClaim(
        function="stoch",
        series="hlc",
        parameters=((14, 3, 3), (9, 4, 2)),
        options=lambda length, smooth, d: {"k": length, "smooth_k": smooth, "d": d},
        output=(output,),
    )


def _stoch_rsi(output: int) -> PandasTaClaim:
    return PandasTaClaim(
        function="stochrsi",
        series="c",
        parameters=((14, 14, 3, 3), (7, 10, 2, 4)),
        options=lambda rsi, length, smooth, d: {"rsi_length": rsi, "length": length, "k": smooth, "d": d},
        output=(output,),
        differs="its `rsi` does",
        settled=600,
    )


def _tsi(output: int) -> PandasTaClaim:
    return PandasTaClaim(
        function="tsi",
        series="c",
        parameters=((25, 13, 13), (12, 6, 5)),
        options=lambda slow, fast, signal: {"slow": slow, "fast": fast, "signal": signal},
        output=(output,),
        differs=_HALVES,
        settled=600,
    )


def _bands(output: int, **rest: Any) -> PandasTaClaim:
    return PandasTaClaim(
        function="bbands",
        series="c",
        parameters=((20, 2.0), (10, 1.5)),
        options=lambda length, deviations: {"length": length, "lower_std": deviations, "upper_std": deviations, "ddof": 0},
        output=(output,),
        **({"how": " with `ddof` 0"} | rest),
    )


def _keltner(output: int, differs: str = "") -> PandasTaClaim:
    return PandasTaClaim(
        function="kc",
        series="hlc",
        parameters=((20, 10, 2.0), (9, 5, 1.5)),
        options=lambda length, _atr, ranges: {"length": length, "scalar": ranges},
        output=(output,),
        differs=differs,
    )


def _donchian(output: int) -> PandasTaClaim:
    return PandasTaClaim(
        function="donchian",
        series="hl",
        parameters=_LENGTHS,
        options=lambda length: {"lower_length": length, "upper_length": length},
        output=(output,),
    )


CLAIMS: Mapping[str, PandasTaClaim] = {
    "sma": PandasTaClaim(function="sma", series="c", parameters=_LENGTHS),
    "ema": PandasTaClaim(function="ema", series="c", parameters=_LENGTHS),
    "wma": PandasTaClaim(function="wma", series="c", parameters=_LENGTHS),
    "dema": PandasTaClaim(function="dema", series="c", parameters=_LENGTHS, differs=_HALVES, settled=600),
    "tema": PandasTaClaim(function="tema", series="c", parameters=_LENGTHS, differs=_HALVES, settled=600),
    "hma": PandasTaClaim(function="hma", series="c", parameters=((20,), (9,))),
    "kama": PandasTaClaim(
        function="kama",
        series="c",
        parameters=((10, 2, 30), (25, 3, 20)),
        options=lambda length, fast, slow: {"length": length, "fast": fast, "slow": slow},
        differs="it is seeded with the simple mean of the first `length` closes",
        settled=600,
    ),
    "adx": _directional(0),
    "plus_di": _directional(2),
    "minus_di": _directional(3),
    "aroon_down": _aroon(0),
    "aroon_up": _aroon(1),
    "aroon_osc": _aroon(2),
    "psar": PandasTaClaim(
        function="psar",
        series="hlc",
        parameters=((0.02, 0.2), (0.05, 0.11)),
        options=lambda step, most: {"af0": step, "af": step, "max_af": most},
        output=(0, 1),
        differs="it holds the stop off one bar, not off two, and looks for the turn before it does",
    ),
    "supertrend": _supertrend(0),
    "supertrend_direction": _supertrend(1),
    "linreg": PandasTaClaim(function="linreg", series="c", parameters=_LENGTHS),
    "linreg_slope": PandasTaClaim(
        function="linreg",
        series="c",
        parameters=_LENGTHS,
        options=lambda length: {"length": length, "slope": True},
        how=" with `slope`",
    ),
    "linreg_r2": PandasTaClaim(
        function="linreg",
        series="c",
        parameters=_LENGTHS,
        options=lambda length: {"length": length, "r": True},
        then=lambda column: column**2,
        how=" with `r`, squared",
    ),
    "ichimoku_span_a": _ichimoku(0, then=_next_row, how=" one row later: it shifts by `base` - 1"),
    "ichimoku_span_b": _ichimoku(1, then=_next_row, how=" one row later: it shifts by `base` - 1"),
    "ichimoku_conversion": _ichimoku(2),
    "ichimoku_base": _ichimoku(3),
    "rsi": PandasTaClaim(function="rsi", series="c", parameters=((14,), (5,)), differs=_SEED, settled=600),
    "macd": _macd(0),
    "macd_hist": _macd(1),
    "macd_signal": _macd(2),
    "stoch_k": _stoch(0),
    "stoch_d": _stoch(1),
    "roc": PandasTaClaim(function="roc", series="c", parameters=((10,), (1,))),
    "return": PandasTaClaim(function="percent_return", series="c", parameters=((1,), (20,))),
    "log_return": PandasTaClaim(function="log_return", series="c", parameters=((1,), (20,))),
    "momentum": PandasTaClaim(function="mom", series="c", parameters=((10,), (1,))),
    "stoch_rsi_k": _stoch_rsi(0),
    "stoch_rsi_d": _stoch_rsi(1),
    "cci": PandasTaClaim(
        function="cci",
        series="hlc",
        parameters=_LENGTHS,
        differs="it divides the mean alone by the deviation, which is no index",
    ),
    "williams_r": PandasTaClaim(function="willr", series="hlc", parameters=((14,), (5,))),
    "tsi": _tsi(0),
    "tsi_signal": _tsi(1),
    "ultimate": PandasTaClaim(
        function="uo",
        series="hlc",
        parameters=((7, 14, 28), (3, 5, 11)),
        options=lambda short, medium, long: {"fast": short, "medium": medium, "slow": long},
    ),
    "bb_lower": _bands(0),
    "bb_middle": _bands(1),
    "bb_upper": _bands(2),
    "bb_width": _bands(3, then=lambda column: column / 100.0, how=" / 100 with `ddof` 0"),
    "bb_percent": _bands(4),
    "squeeze": PandasTaClaim(
        function="squeeze",
        series="hlc",
        parameters=((20, 2.0, 1.5),),
        options=lambda length, deviations, ranges: {
            "bb_length": length,
            "bb_std": deviations,
            "kc_length": length,
            "kc_scalar": ranges,
        },
        output=(1,),
        differs="it takes the sample deviation",
    ),
    "atr": PandasTaClaim(
        function="atr",
        series="hlc",
        parameters=((14,), (5,)),
        options=lambda length: {"length": length, "prenan": True},
        how=" with `prenan`",
    ),
    "natr": PandasTaClaim(
        function="natr",
        series="hlc",
        parameters=((14,), (5,)),
        options=lambda length: {"length": length, "prenan": True, "mamode": "rma"},
        how=" with `prenan` and `mamode` rma",
    ),
    "true_range": PandasTaClaim(function="true_range", series="hlc", parameters=((),), options=dict),
    "keltner_lower": _keltner(0, _KELTNER),
    "keltner_middle": _keltner(1),
    "keltner_upper": _keltner(2, _KELTNER),
    "donchian_lower": _donchian(0),
    "donchian_middle": _donchian(1),
    "donchian_upper": _donchian(2),
    "realised_vol": PandasTaClaim(
        function="stdev",
        series="r",
        parameters=_LENGTHS,
        then=lambda column: column * math.sqrt(252),
        how=" of the log returns x the square root of 252",
    ),
    "obv": PandasTaClaim(
        function="obv", series="cv", parameters=((),), options=dict, differs="it leaves out the volume of bar 0"
    ),
    "ad": PandasTaClaim(function="ad", series="hlcv", parameters=((),), options=dict),
    "cmf": PandasTaClaim(function="cmf", series="hlcv", parameters=_LENGTHS),
    "mfi": PandasTaClaim(function="mfi", series="hlcv", parameters=((14,), (5,))),
    "vwma": PandasTaClaim(function="vwma", series="cv", parameters=_LENGTHS),
    "doji": PandasTaClaim(
        function="cdl_doji",
        series="ohlc",
        parameters=((10, 0.1),),
        options=lambda length, share: {"length": length, "factor": 100.0 * share, "scalar": 1},
        differs="it counts the bar itself among the `length`",
    ),
    "inside_bar": PandasTaClaim(
        function="cdl_inside", series="ohlc", parameters=((),), options=lambda: {"scalar": 1}, how=" with `scalar` 1"
    ),
    "drawdown": PandasTaClaim(
        function="drawdown",
        series="c",
        parameters=((252,),),
        options=lambda _length: {},
        output=(1,),
        then=lambda column: -column,
        differs="it looks back over the whole history, and gives a positive fraction",
    ),
    "zscore": PandasTaClaim(
        function="zscore", series="c", parameters=_LENGTHS, options=lambda length: {"length": length, "std": 1}
    ),
    "efficiency_ratio": PandasTaClaim(function="er", series="c", parameters=((10,), (3,))),
}

NO_COUNTERPART = frozenset(
    {
        "autocorrelation",
        "candle_body",
        "candle_lower",
        "candle_upper",
        "close_percentile",
        "close_rank",
        "ewma_vol",
        "from_high",
        "from_low",
        "gap",
        "garman_klass_vol",
        "outside_bar",
        "parkinson_vol",
        "realised_vol_percentile",
        "rogers_satchell_vol",
        "sma_cross",
        "variance_ratio",
        "vol_of_vol",
        "volume_ratio",
        "volume_zscore",
        "yang_zhang_vol",
    }
)
