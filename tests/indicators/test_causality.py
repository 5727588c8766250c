"""No column of the catalogue depends on what follows: data are cut at seeded rows, and every bit is compared."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from optarb.domain.bars import Bars
from optarb.indicators import CatalogueIndicator, default_catalogue, families, named
from optarb.protocols import Indicator

OTHERS = tuple(
    named(column)
    for column in (
        "sma_7",
        "ema_7",
        "wma_1",
        "dema_5",
        "tema_4",
        "hma_2",
        "kama_3_1_9",
        "plus_di_5",
        "adx_3",
        "aroon_up_1",
        "psar_0.5_0.5",
        "supertrend_1_0.5",
        "linreg_2",
        "ichimoku_base_1_2_3",
        "rsi_1",
        "macd_1_2_1",
        "stoch_k_1_1_1",
        "roc_3",
        "return_7",
        "log_return_9",
        "momentum_3",
        "stoch_rsi_k_2_3_1_1",
        "cci_2",
        "williams_r_1",
        "tsi_3_2_1",
        "ultimate_1_2_3",
        "bb_upper_2_0.1",
        "squeeze_3_1_1",
        "atr_1",
        "natr_2",
        "keltner_upper_2_9_0.5",
        "donchian_upper_1",
        "realised_vol_2",
        "parkinson_vol_1",
        "garman_klass_vol_2",
        "rogers_satchell_vol_1",
        "yang_zhang_vol_2",
        "ewma_vol_1_0.5",
        "vol_of_vol_2_3",
        "cmf_1",
        "mfi_2",
        "volume_ratio_3",
        "volume_zscore_2",
        "vwma_2",
        "doji_1_0.5",
        "from_high_1",
        "drawdown_3",
        "sma_cross_1_2",
        "close_percentile_1",
        "close_rank_2",
        "realised_vol_percentile_2_3",
        "zscore_2",
        "efficiency_ratio_1",
        "variance_ratio_3_2",
        "autocorrelation_2_7",
    )
)


def walk(seed, n=420):
    """Bars that look like an index fund's: drift, fat moves, gaps at the open, volume."""
    rng = np.random.default_rng(seed)
    close = 300.0 * np.exp(np.cumsum(0.0003 + 0.01 * rng.standard_t(4, n)))
    opened = np.concatenate((close[:1], close[:-1])) * np.exp(rng.normal(0.0, 0.004, n))
    return Bars(
        symbol="SPY",
        sessions=np.datetime64("2001-01-01", "D") + np.arange(n),
        open=opened,
        high=np.maximum(opened, close) * (1.0 + rng.uniform(0.0, 0.01, n)),
        low=np.minimum(opened, close) * (1.0 - rng.uniform(0.0, 0.01, n)),
        close=close,
        volume=np.round(rng.lognormal(17.0, 0.4, n)),
    ).checked()


def with_flat_stretches(seed):
    """Days on which nothing moves, among them the first thirty."""
    bars = walk(seed)
    prices = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close")}
    for start, stop in ((0, 30), (100, 160), (300, 330)):
        for column in prices.values():
            column[start:stop] = bars.close[start]
    return replace(bars, **prices).checked()


def with_jumps_and_no_volume(seed):
    """Prices that jump tenfold and back, and stretches without volume."""
    bars = walk(seed)
    factor = np.where(np.arange(len(bars)) // 60 % 2, 10.0, 1.0)
    prices = {name: getattr(bars, name) * factor for name in ("open", "high", "low", "close")}
    return replace(bars, **prices, volume=np.where(np.arange(len(bars)) // 50 % 2, bars.volume, 0.0)).checked()


def closes_only(seed):
    """As the VIX: closes alone, and no volume."""
    bars = walk(seed)
    prices = {name: bars.close.copy() for name in ("open", "high", "low")}
    return replace(bars, symbol="VIX", **prices, volume=np.zeros(len(bars))).checked()


SERIES = {
    "walk": walk(1),
    "flat stretches": with_flat_stretches(2),
    "jumps and no volume": with_jumps_and_no_volume(3),
    "closes only": closes_only(4),
}


def leaking(indicator: Indicator, bars: Bars, seed: int, cuts: int = 12) -> list[tuple[int, str]]:
    """Returns the cuts, and the columns, at which a row changes when the bars after it are cut off."""
    whole = indicator.compute(bars)
    drawn = np.random.default_rng(seed).integers(0, len(bars), cuts).tolist()
    found = []
    first = indicator.warm_up
    for rows in sorted({*drawn, *range(first, first + 4), len(bars) - 1}):
        part = indicator.compute(bars.sliced(0, rows))
        found += [(rows, name) for name, column in whole.items() if part[name].tobytes() != column[:rows].tobytes()]
    return found


@dataclass(frozen=True, kw_only=True)
class Peeking:
    """A mean of the closes around the row: what a centred filter or a shift in the wrong direction does."""

    ahead: int = 1
    columns: tuple[str, ...] = ("peeking",)
    warm_up: int = 3

    def compute(self, bars):
        column = named("sma_3").compute(bars)["sma_3"]
        coming = column[3 + self.ahead :]
        column[3 : 3 + len(coming)] = coming
        return {"peeking": column}


@dataclass(frozen=True, kw_only=True)
class Standardised:
    """Closes by the mean of the whole history: the usual leak of a scaler fitted on everything."""

    columns: tuple[str, ...] = ("standardised",)
    warm_up: int = 0

    def compute(self, bars):
        return {"standardised": bars.close - bars.close.mean() if len(bars) else bars.close.copy()}


@dataclass(frozen=True, kw_only=True)
class OrderOfSums:
    """A causal mean whose last bits depend on how many rows follow, as a sum added from the end does."""

    columns: tuple[str, ...] = ("order",)
    warm_up: int = 0

    def compute(self, bars):
        return {"order": bars.close.sum() - np.cumsum(bars.close[::-1])[::-1] + bars.close}


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("indicator", [*default_catalogue(), *OTHERS], ids=lambda indicator: indicator.columns[0])
def test_catalogue_when_cut_at_seeded_rows_then_no_bit_changes_and_every_value_is_finite(indicator, series):
    bars = SERIES[series]

    assert leaking(indicator, bars, seed=len(series)) == []
    for name, column in indicator.compute(bars).items():
        assert np.isnan(column[: indicator.warm_up]).all(), name
        assert np.isfinite(column[indicator.warm_up :]).all(), name


@pytest.mark.parametrize("indicator", [Peeking(), Peeking(ahead=40), Standardised(), OrderOfSums()], ids=repr)
def test_check_when_an_indicator_looks_ahead_then_it_is_found(indicator):
    assert leaking(indicator, SERIES["walk"], seed=4) != []


def test_other_parameters_when_listed_then_every_family_that_has_any():
    assert {indicator.family for indicator in OTHERS} == {name for name, family in families().items() if family.parameters}
    assert not {*OTHERS} & {*default_catalogue()}


@pytest.mark.parametrize(
    "family", [family for family in families().values() if family.parameters], ids=lambda family: family.name
)
def test_family_when_its_parameters_are_the_least_allowed_then_finite_from_the_warm_up_on(family):
    least = [parameter.least if parameter.whole else 0.5 for parameter in family.parameters]
    indicator = CatalogueIndicator(family=family.name, parameters=tuple(least))
    for bars in SERIES.values():
        for name, column in indicator.compute(bars).items():
            assert np.isfinite(column[indicator.warm_up :]).all(), name
            short = indicator.compute(bars.sliced(0, indicator.warm_up + 1))[name]
            assert np.isfinite(short[-1]), name
