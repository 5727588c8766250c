from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optarb.indicators import named

NAN = np.nan


def column(name, bars):
    return named(name).compute(bars)[name]


@pytest.fixture
def bars(bars_of):
    """Closes at 3/4, 1/4, 1/2 and 1 of their ranges; typical prices 31, 35, 36 and 48."""
    made = bars_of([33, 33, 36, 54], high=[36, 42, 42, 54], low=[24, 30, 30, 36])
    return replace(made, volume=np.array([10.0, 20.0, 30.0, 40.0]))


def test_bars_when_built_then_places_and_typical_prices_are_those_of_the_tests(bars):
    np.testing.assert_array_equal((bars.close - bars.low) / (bars.high - bars.low), [0.75, 0.25, 0.5, 1.0])
    np.testing.assert_array_equal((bars.high + bars.low + bars.close) / 3, [31.0, 35.0, 36.0, 48.0])


def test_obv_when_small_series_then_volume_is_added_taken_away_or_left_out(bars):
    np.testing.assert_array_equal(column("obv", bars), [10.0, 10.0, 40.0, 80.0])
    np.testing.assert_array_equal(column("obv", replace(bars, close=bars.close[::-1].copy())), [10.0, -10.0, -40.0, -40.0])


def test_ad_when_small_series_then_volume_by_the_place_of_the_close(bars):
    np.testing.assert_array_equal(column("ad", bars), [5.0, -5.0, -5.0, 35.0])


def test_cmf_when_small_series_then_money_flow_by_volume(bars):
    np.testing.assert_allclose(column("cmf_2", bars), [NAN, -5 / 30, -10 / 50, 40 / 70], rtol=1e-15)


def test_mfi_when_small_series_then_share_of_the_flow_of_rises(bars):
    # Flows of rises 700, 1080 and 1920.
    falling = replace(bars, high=bars.high - [0, 0, 12, 0], low=bars.low - [0, 0, 0, 0])

    assert column("mfi_3", bars)[3] == 100.0
    # The third typical price falls from 35 to 32, with a flow of 960.
    np.testing.assert_allclose(column("mfi_3", falling)[3], 100 * (700 + 1920) / (700 + 960 + 1920), rtol=1e-14)


def test_mfi_when_typical_price_stands_then_it_counts_on_neither_side(bars_of):
    bars = replace(bars_of([10, 11, 11, 10]), volume=np.array([1.0, 1.0, 50.0, 1.0]))

    np.testing.assert_allclose(column("mfi_3", bars)[3], 100 * 11 / 21, rtol=1e-15)


def test_volume_ratio_and_zscore_when_small_series_then_hand_computed(bars):
    np.testing.assert_allclose(column("volume_ratio_2", bars), [NAN, 20 / 15, 30 / 25, 40 / 35], rtol=1e-15)
    # 10, 20, 30: mean 20, sample deviation 10.
    np.testing.assert_allclose(column("volume_zscore_3", bars), [NAN, NAN, 1.0, 1.0], rtol=1e-14)


def test_vwma_when_small_series_then_closes_weighted_with_volume(bars):
    expected = [NAN, 33.0, (33 * 20 + 36 * 30) / 50, (36 * 30 + 54 * 40) / 70]

    np.testing.assert_allclose(column("vwma_2", bars), expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("name", "value"),
    [("obv", 0.0), ("ad", 0.0), ("cmf_20", 0.0), ("mfi_14", 50.0), ("volume_ratio_20", 1.0), ("volume_zscore_20", 0.0)],
)
def test_column_when_the_symbol_has_no_volume_then_the_constant_the_page_names(random_walk, name, value):
    bars = random_walk(60, seed=41)

    assert not bars.volume.any()
    assert set(column(name, bars)[20:]) == {value}


def test_vwma_when_the_symbol_has_no_volume_then_the_simple_mean(random_walk):
    bars = random_walk(60, seed=42)

    np.testing.assert_array_equal(column("vwma_20", bars), column("sma_20", bars))


def test_vwma_when_volume_was_traded_long_ago_then_the_simple_mean_of_the_window(random_walk):
    bars = random_walk(60, seed=43)
    traded = replace(bars, volume=np.where(np.arange(60) < 30, 1e9, 0.0))

    np.testing.assert_array_equal(column("vwma_20", traded)[49:], column("sma_20", bars)[49:])
    assert set(column("cmf_20", traded)[49:]) == {0.0}
    assert set(column("mfi_14", traded)[44:]) == {50.0}
