from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys

import numpy as np
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from optarb.domain.bars import Bars
from optarb.errors import ConfigurationError, UnknownName
from optarb.indicators import CatalogueIndicator, default_catalogue, families, named
from optarb.protocols import Indicator

DEFAULTS = default_catalogue()
RANGES = {
    "rsi_14": (0, 100),
    "stoch_k_14_3_3": (0, 100),
    "stoch_d_14_3_3": (0, 100),
    "stoch_rsi_k_5_14_3_3": (0, 100),
    "adx_14": (0, 100),
    "plus_di_14": (0, 100),
    "minus_di_14": (0, 100),
    "aroon_up_25": (0, 100),
    "aroon_osc_25": (-100, 100),
    "mfi_14": (0, 100),
    "ultimate_7_14_28": (0, 100),
    "williams_r_14": (-100, 0),
    "tsi_13_7_7": (-100, 100),
    "cmf_20": (-1, 1),
    "candle_body": (-1, 1),
    "candle_upper": (0, 1),
    "candle_lower": (0, 1),
    "linreg_r2_20": (0, 1),
    "efficiency_ratio_10": (0, 1),
    "close_percentile_20": (0, 1),
    "close_rank_20": (0, 1),
    "autocorrelation_20_1": (-1, 1),
    "supertrend_direction_10_3": (-1, 1),
    "drawdown_20": (-1, 0),
}
ROWS = pytest.mark.parametrize("indicator", DEFAULTS, ids=lambda indicator: indicator.columns[0])


def same_bits(a, b):
    return np.asarray(a).tobytes() == np.asarray(b).tobytes()


@st.composite
def walks(draw):
    """Valid bars with flat stretches, gaps, jumps, and bars without a range or without volume."""
    step = st.sampled_from([0.0, 0.0, 0.001, -0.001, 0.02, -0.02, 0.3, -0.25])
    steps = draw(st.lists(step, min_size=45, max_size=90))
    widths = draw(st.lists(st.sampled_from([0.0, 0.0, 0.01, 0.1]), min_size=len(steps), max_size=len(steps)))
    volume = draw(st.lists(st.sampled_from([0.0, 0.0, 1.0, 3e9]), min_size=len(steps), max_size=len(steps)))
    close = draw(st.sampled_from([0.01, 1.0, 97.3, 4_000.0])) * np.cumprod(1.0 + np.array(steps))
    opened = np.concatenate((close[:1], close[:-1])) if draw(st.booleans()) else close.copy()
    return Bars(
        symbol="SPX",
        sessions=np.datetime64("2001-01-01", "D") + np.arange(len(close)),
        open=opened,
        high=np.maximum(opened, close) * (1.0 + np.array(widths)),
        low=np.minimum(opened, close) * (1.0 - np.array(widths)),
        close=close,
        volume=np.array(volume),
    ).checked()


@settings(max_examples=25, deadline=None)
@given(bars=walks(), cut=st.integers(0, 90))
def test_catalogue_when_any_valid_bars_then_nan_before_the_warm_up_finite_after_and_causal(bars, cut):
    for indicator in DEFAULTS:
        columns = indicator.compute(bars)
        part = indicator.compute(bars.sliced(0, min(cut, len(bars))))
        assert tuple(columns) == indicator.columns
        for name, values in columns.items():
            assert values.dtype == np.float64
            assert values.shape == (len(bars),)
            assert np.isnan(values[: indicator.warm_up]).all(), name
            assert np.isfinite(values[indicator.warm_up :]).all(), name
            assert same_bits(part[name], values[:cut]), name


@settings(max_examples=40, deadline=None)
@given(bars=walks())
def test_bounded_columns_when_any_valid_bars_then_within_their_bounds(bars):
    for name, (least, most) in RANGES.items():
        values = named(name).compute(bars)[name][named(name).warm_up :]
        slack = 1e-9 * (most - least)
        assert (values >= least - slack).all(), name
        assert (values <= most + slack).all(), name


@ROWS
@pytest.mark.parametrize("price", [0.1, 7.0])
def test_indicator_when_prices_never_move_then_defined_from_the_warm_up_on(bars_of, indicator, price):
    for name, values in indicator.compute(bars_of([price] * 300)).items():
        assert np.isnan(values[: indicator.warm_up]).all(), name
        assert np.isfinite(values[indicator.warm_up :]).all(), name


@ROWS
def test_indicator_when_too_few_bars_then_nan_and_one_more_gives_a_value(random_walk, indicator):
    for name in indicator.columns:
        assert np.isnan(indicator.compute(random_walk(indicator.warm_up, seed=11))[name]).all()
        enough = indicator.compute(random_walk(indicator.warm_up + 1, seed=11))[name]
        assert np.isfinite(enough[-1]), name


@ROWS
def test_indicator_when_computed_then_bars_are_untouched_and_results_are_its_own(random_walk, indicator):
    bars = random_walk(250, seed=12)
    before = [getattr(bars, name).copy() for name in ("open", "high", "low", "close", "volume")]

    for values in indicator.compute(bars).values():
        assert values.flags.writeable
        values[:] = -1.0

    after = [getattr(bars, name) for name in ("open", "high", "low", "close", "volume")]
    assert all(same_bits(a, b) for a, b in zip(before, after, strict=True))


@ROWS
def test_indicator_when_asked_by_each_of_its_columns_then_it_is_found(indicator):
    assert isinstance(indicator, Indicator)
    assert indicator.version >= 1
    assert {named(column) for column in indicator.columns} == {indicator}


@ROWS
def test_indicator_when_pickled_then_equal(indicator):
    assert pickle.loads(pickle.dumps(indicator)) == indicator


def test_catalogue_when_ta_lib_is_installed_then_it_is_not_called(random_walk, monkeypatch):
    def refuse(*args, **kwargs):
        pytest.fail("TA-Lib was called")

    for name in talib.get_functions():
        monkeypatch.setattr(talib, name, refuse)
    bars = random_walk(250, seed=13)
    assert named("sma_20").compute(bars)
    monkeypatch.setitem(sys.modules["pandas_ta_classic"].Imports, "talib", True)

    for indicator in DEFAULTS:
        assert indicator.compute(bars)


def test_default_catalogue_when_listed_then_every_family_and_no_column_twice():
    columns = [column for indicator in DEFAULTS for column in indicator.columns]
    stems = [stem for family in families().values() for stem in family.stems]

    assert len(set(columns)) == len(columns)
    assert len(set(stems)) == len(stems)
    assert {indicator.family for indicator in DEFAULTS} == set(families())


def test_of_when_parameters_are_left_out_then_defaults():
    assert CatalogueIndicator.of("macd", fast=5).columns == ("macd_5_26_9", "macd_signal_5_26_9", "macd_hist_5_26_9")


def test_of_when_real_parameter_is_whole_then_the_same_indicator_as_by_name():
    assert CatalogueIndicator.of("bollinger", length=10, deviations=2) == named("bb_upper_10_2")
    assert repr(CatalogueIndicator.of("bollinger", deviations=2)) == repr(named("bb_upper_20_2"))


def test_of_when_names_are_unknown_then_suggested():
    with pytest.raises(UnknownName, match="unknown indicator 'rsj'; did you mean 'rsi'"):
        CatalogueIndicator.of("rsj")
    with pytest.raises(UnknownName, match="unknown parameter of indicator 'rsi' 'lenght'; did you mean 'length'"):
        CatalogueIndicator.of("rsi", lenght=3)


@pytest.mark.parametrize("length", [0, -1, 14.0, True, float("nan"), "14", None])
def test_of_when_length_is_no_whole_number_above_zero_then_refused(length):
    with pytest.raises(ConfigurationError, match="length must be a whole number of at least 1, got"):
        CatalogueIndicator.of("rsi", length=length)


@pytest.mark.parametrize("deviations", [0, -2.0, float("nan"), float("inf"), True, "2"])
def test_of_when_deviations_are_no_number_above_zero_then_refused(deviations):
    with pytest.raises(ConfigurationError, match="deviations must be a finite number greater than 0, got"):
        CatalogueIndicator.of("bollinger", deviations=deviations)


def test_of_when_fast_is_not_below_slow_then_refused():
    with pytest.raises(ConfigurationError, match="fast must be less than slow, got fast, slow, signal = "):
        CatalogueIndicator.of("macd", fast=26)


def test_indicator_when_parameters_are_too_few_then_refused():
    with pytest.raises(ConfigurationError, match=r"takes 3 parameters \(fast, slow, signal\), got \(12, 26\)"):
        CatalogueIndicator(family="macd", parameters=(12, 26))


def test_indicator_when_field_is_set_then_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        named("rsi_14").family = "sma"


def test_families_when_changed_then_refused():
    with pytest.raises(TypeError):
        families()["mine"] = families()["sma"]


def test_indicators_when_imported_then_pandas_stays_out():
    code = "import sys, optarb.indicators as i; i.named('sma_37'); print('pandas' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "False"
