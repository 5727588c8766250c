"""What each column of the catalogue is in TA-Lib. The reference page shows it; test_talib_counterparts.py proves it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import talib
from tests.indicators.claims import Claim, Column

from optarb.domain.bars import Bars


@dataclass(frozen=True, kw_only=True)
class TalibClaim(Claim):
    """A claim about a function of TA-Lib."""

    compute: Callable[..., Column]
    """Called with bars and the indicator's parameters."""


def _log_returns(bars: Bars) -> Column:
    return np.concatenate(([np.nan], np.diff(np.log(bars.close))))


def _of_returns(compute: Callable[[Column], Column], bars: Bars) -> Column:
    """Calls a function of TA-Lib on the returns; some of them do not skip a leading NaN."""
    return np.concatenate(([np.nan], compute(_log_returns(bars)[1:])))


def _later(values: Column, rows: int) -> Column:
    return np.concatenate((np.full(rows, np.nan), values[:-rows]))


def _middle(bars: Bars, length: int) -> Column:
    return talib.MIDPRICE(bars.high, bars.low, length)


def _correlation(bars: Bars, length: int, lag: int) -> Column:
    returns = _log_returns(bars)[1:]
    return np.concatenate((np.full(1 + lag, np.nan), talib.CORREL(returns[lag:], returns[:-lag], length)))


_LENGTHS = ((20,), (7,), (200,))
_WILDER = ((14,), (2,), (50,))
_STOCHASTIC = ((14, 3, 3), (9, 4, 2))
_STOCH_RSI = ((14, 14, 1, 3), (7, 10, 1, 4))
_MACD = ((12, 26, 9), (5, 35, 5))
_MACD_SEED = "it seeds the fast mean in row `slow` - 1"
_ICHIMOKU = ((9, 26, 52), (5, 12, 30))
_BANDS = ((20, 2.0), (10, 1.5))

CLAIMS: Mapping[str, TalibClaim] = {
    "sma": TalibClaim(function="SMA", compute=lambda b, n: talib.SMA(b.close, n), parameters=_LENGTHS),
    "ema": TalibClaim(function="EMA", compute=lambda b, n: talib.EMA(b.close, n), parameters=_LENGTHS),
    "wma": TalibClaim(function="WMA", compute=lambda b, n: talib.WMA(b.close, n), parameters=_LENGTHS),
    "dema": TalibClaim(function="DEMA", compute=lambda b, n: talib.DEMA(b.close, n), parameters=_LENGTHS),
    "tema": TalibClaim(function="TEMA", compute=lambda b, n: talib.TEMA(b.close, n), parameters=_LENGTHS),
    "kama": TalibClaim(
        function="KAMA",
        compute=lambda b, n, _fast, _slow: talib.KAMA(b.close, n),
        parameters=((10, 2, 30), (25, 2, 30)),
        how=", which has `fast` 2 and `slow` 30 only",
    ),
    "plus_di": TalibClaim(
        function="PLUS_DI", compute=lambda b, n: talib.PLUS_DI(b.high, b.low, b.close, n), parameters=_WILDER
    ),
    "minus_di": TalibClaim(
        function="MINUS_DI", compute=lambda b, n: talib.MINUS_DI(b.high, b.low, b.close, n), parameters=_WILDER
    ),
    "adx": TalibClaim(function="ADX", compute=lambda b, n: talib.ADX(b.high, b.low, b.close, n), parameters=_WILDER),
    "aroon_up": TalibClaim(function="AROON", compute=lambda b, n: talib.AROON(b.high, b.low, n)[1], parameters=((25,), (10,))),
    "aroon_down": TalibClaim(
        function="AROON", compute=lambda b, n: talib.AROON(b.high, b.low, n)[0], parameters=((25,), (10,))
    ),
    "aroon_osc": TalibClaim(
        function="AROONOSC", compute=lambda b, n: talib.AROONOSC(b.high, b.low, n), parameters=((25,), (10,))
    ),
    "psar": TalibClaim(
        function="SAR",
        compute=lambda b, step, most: talib.SAR(b.high, b.low, step, most),
        parameters=((0.02, 0.2), (0.05, 0.11)),
    ),
    "linreg": TalibClaim(function="LINEARREG", compute=lambda b, n: talib.LINEARREG(b.close, n), parameters=_LENGTHS),
    "linreg_slope": TalibClaim(
        function="LINEARREG_SLOPE", compute=lambda b, n: talib.LINEARREG_SLOPE(b.close, n), parameters=_LENGTHS
    ),
    "linreg_r2": TalibClaim(
        function="CORREL",
        compute=lambda b, n: talib.CORREL(b.close, np.arange(len(b), dtype=np.float64), n) ** 2,
        parameters=_LENGTHS,
        how=" of the closes and the row's number, squared",
    ),
    "ichimoku_conversion": TalibClaim(
        function="MIDPRICE", compute=lambda b, conversion, _base, _span: _middle(b, conversion), parameters=_ICHIMOKU
    ),
    "ichimoku_base": TalibClaim(
        function="MIDPRICE", compute=lambda b, _conversion, base, _span: _middle(b, base), parameters=_ICHIMOKU
    ),
    "ichimoku_span_a": TalibClaim(
        function="MIDPRICE",
        compute=lambda b, conversion, base, _span: _later((_middle(b, conversion) + _middle(b, base)) / 2, base),
        parameters=_ICHIMOKU,
        how=", the mean of both, `base` rows later",
    ),
    "ichimoku_span_b": TalibClaim(
        function="MIDPRICE",
        compute=lambda b, _conversion, base, span: _later(_middle(b, span), base),
        parameters=_ICHIMOKU,
        how=", `base` rows later",
    ),
    "rsi": TalibClaim(function="RSI", compute=lambda b, n: talib.RSI(b.close, n), parameters=_WILDER),
    "macd": TalibClaim(
        function="MACD", compute=lambda b, *p: talib.MACD(b.close, *p)[0], parameters=_MACD, differs=_MACD_SEED, settled=600
    ),
    "macd_signal": TalibClaim(
        function="MACD", compute=lambda b, *p: talib.MACD(b.close, *p)[1], parameters=_MACD, differs=_MACD_SEED, settled=600
    ),
    "macd_hist": TalibClaim(
        function="MACD", compute=lambda b, *p: talib.MACD(b.close, *p)[2], parameters=_MACD, differs=_MACD_SEED, settled=600
    ),
    "stoch_k": TalibClaim(
        function="STOCH",
        compute=lambda b, n, k, d: talib.STOCH(b.high, b.low, b.close, n, k, 0, d, 0)[0],
        parameters=_STOCHASTIC,
    ),
    "stoch_d": TalibClaim(
        function="STOCH",
        compute=lambda b, n, k, d: talib.STOCH(b.high, b.low, b.close, n, k, 0, d, 0)[1],
        parameters=_STOCHASTIC,
    ),
    "stoch_rsi_k": TalibClaim(
        function="STOCHRSI",
        compute=lambda b, rsi, n, _smooth, d: talib.STOCHRSI(b.close, rsi, n, d)[0],
        parameters=_STOCH_RSI,
        how=", which has `smooth` 1 only",
    ),
    "stoch_rsi_d": TalibClaim(
        function="STOCHRSI",
        compute=lambda b, rsi, n, _smooth, d: talib.STOCHRSI(b.close, rsi, n, d)[1],
        parameters=_STOCH_RSI,
        how=", which has `smooth` 1 only",
    ),
    "roc": TalibClaim(function="ROC", compute=lambda b, n: talib.ROC(b.close, n), parameters=((10,), (1,))),
    "return": TalibClaim(function="ROCP", compute=lambda b, n: talib.ROCP(b.close, n), parameters=((1,), (20,))),
    "log_return": TalibClaim(
        function="ROCR", compute=lambda b, n: np.log(talib.ROCR(b.close, n)), parameters=((1,), (20,)), how=", its logarithm"
    ),
    "momentum": TalibClaim(function="MOM", compute=lambda b, n: talib.MOM(b.close, n), parameters=((10,), (1,))),
    "cci": TalibClaim(function="CCI", compute=lambda b, n: talib.CCI(b.high, b.low, b.close, n), parameters=_LENGTHS),
    "williams_r": TalibClaim(function="WILLR", compute=lambda b, n: talib.WILLR(b.high, b.low, b.close, n), parameters=_WILDER),
    "ultimate": TalibClaim(
        function="ULTOSC",
        compute=lambda b, *p: talib.ULTOSC(b.high, b.low, b.close, *p),
        parameters=((7, 14, 28), (3, 5, 11)),
    ),
    "bb_upper": TalibClaim(function="BBANDS", compute=lambda b, n, k: talib.BBANDS(b.close, n, k, k)[0], parameters=_BANDS),
    "bb_middle": TalibClaim(function="BBANDS", compute=lambda b, n, k: talib.BBANDS(b.close, n, k, k)[1], parameters=_BANDS),
    "bb_lower": TalibClaim(function="BBANDS", compute=lambda b, n, k: talib.BBANDS(b.close, n, k, k)[2], parameters=_BANDS),
    "atr": TalibClaim(function="ATR", compute=lambda b, n: talib.ATR(b.high, b.low, b.close, n), parameters=_WILDER),
    "natr": TalibClaim(function="NATR", compute=lambda b, n: talib.NATR(b.high, b.low, b.close, n), parameters=_WILDER),
    "true_range": TalibClaim(function="TRANGE", compute=lambda b: talib.TRANGE(b.high, b.low, b.close), parameters=((),)),
    "keltner_middle": TalibClaim(
        function="EMA", compute=lambda b, n, _atr, _ranges: talib.EMA(b.close, n), parameters=((20, 10, 2.0), (9, 5, 1.5))
    ),
    "donchian_upper": TalibClaim(
        function="MAX", compute=lambda b, n: talib.MAX(b.high, n), parameters=_LENGTHS, how=" of the highs"
    ),
    "donchian_middle": TalibClaim(function="MIDPRICE", compute=_middle, parameters=_LENGTHS),
    "donchian_lower": TalibClaim(
        function="MIN", compute=lambda b, n: talib.MIN(b.low, n), parameters=_LENGTHS, how=" of the lows"
    ),
    "realised_vol": TalibClaim(
        function="STDDEV",
        compute=lambda b, n: _of_returns(lambda r: talib.STDDEV(r, n), b) * math.sqrt(252 * n / (n - 1)),
        parameters=_LENGTHS,
        how=" of the log returns x the square root of 252 x `length` / (`length` - 1)",
    ),
    "obv": TalibClaim(function="OBV", compute=lambda b: talib.OBV(b.close, b.volume), parameters=((),)),
    "ad": TalibClaim(function="AD", compute=lambda b: talib.AD(b.high, b.low, b.close, b.volume), parameters=((),)),
    "mfi": TalibClaim(function="MFI", compute=lambda b, n: talib.MFI(b.high, b.low, b.close, b.volume, n), parameters=_WILDER),
    "doji": TalibClaim(
        function="CDLDOJI",
        compute=lambda b, _n, _share: talib.CDLDOJI(b.open, b.high, b.low, b.close) / 100.0,
        parameters=((10, 0.1),),
        how=" / 100, which has `length` 10 and `share` 0.1 only",
    ),
    "close_rank": TalibClaim(
        function="STOCHF",
        compute=lambda b, n: talib.STOCHF(b.close, b.close, b.close, n, 1, 0)[0] / 100.0,
        parameters=((252,), (20,)),
        how=" (%K) of the closes / 100",
    ),
    "autocorrelation": TalibClaim(
        function="CORREL",
        compute=_correlation,
        parameters=((60, 1), (20, 3)),
        how=" of the log returns and those `lag` rows before",
    ),
}

NO_COUNTERPART = frozenset(
    {
        "bb_percent",
        "bb_width",
        "candle_body",
        "candle_lower",
        "candle_upper",
        "close_percentile",
        "cmf",
        "drawdown",
        "efficiency_ratio",
        "ewma_vol",
        "from_high",
        "from_low",
        "gap",
        "garman_klass_vol",
        "hma",
        "inside_bar",
        "keltner_lower",
        "keltner_upper",
        "outside_bar",
        "parkinson_vol",
        "realised_vol_percentile",
        "rogers_satchell_vol",
        "sma_cross",
        "squeeze",
        "supertrend",
        "supertrend_direction",
        "tsi",
        "tsi_signal",
        "variance_ratio",
        "vol_of_vol",
        "volume_ratio",
        "volume_zscore",
        "vwma",
        "yang_zhang_vol",
        "zscore",
    }
)

WHERE_NOTHING_MOVES = frozenset(
    {"doji", "mfi", "rsi", "stoch_d", "stoch_k", "stoch_rsi_d", "stoch_rsi_k", "ultimate", "williams_r", "close_rank"}
)
"""Columns equal to TA-Lib's that differ from it on bars that do not move, where a quotient would be 0/0."""
