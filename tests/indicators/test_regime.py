from __future__ import annotations

import numpy as np
import pytest
from arch.unitroot import VarianceRatio
from scipy import stats

from optarb.errors import UnknownName
from optarb.indicators import named

NAN = np.nan


def column(name, bars):
    return named(name).compute(bars)[name]


def windows(values, length):
    """Each row's last values, from the first full window on."""
    return [values[end - length : end] for end in range(length, len(values) + 1)]


def test_sma_cross_when_fast_mean_is_above_below_or_equal_then_its_side(bars_of):
    values = column("sma_cross_1_3", bars_of([10, 10, 10, 13, 10, 7]))

    np.testing.assert_array_equal(values, [NAN, NAN, 0.0, 1.0, -1.0, -1.0])


def test_sma_cross_when_prices_stand_after_a_jump_then_exactly_no_side(bars_of):
    # 0.1 has no exact binary form: two running means would differ by a residue, which has a sign.
    assert set(column("sma_cross_5_20", bars_of([250.0] + [0.1] * 40))[21:]) == {0.0}


def test_sma_cross_when_random_walk_then_equal_to_the_two_means(random_walk):
    bars = random_walk(400, seed=61)
    expected = np.sign(column("sma_50", bars) - column("sma_200", bars))

    assert {-1.0, 1.0} <= set(expected[199:])
    np.testing.assert_array_equal(column("sma_cross_50_200", bars), expected)


def test_close_percentile_when_small_series_then_equal_closes_count_half(bars_of):
    values = column("close_percentile_4", bars_of([10, 12, 11, 13, 12, 9, 14]))

    np.testing.assert_array_equal(values, [NAN] * 4 + [(2 + 0.5) / 4, 0.0, 1.0])


def test_percentiles_when_random_walk_then_equal_to_scipy(random_walk):
    bars = random_walk(200, seed=62)
    vol = column("realised_vol_10", bars)

    for name, values, first in (("close_percentile_50", bars.close, 50), ("realised_vol_percentile_10_50", vol, 60)):
        expected = [stats.percentileofscore(window[:-1], window[-1], kind="mean") / 100 for window in windows(values, 51)]
        np.testing.assert_allclose(column(name, bars)[first:], expected[first - 50 :], atol=1e-12, err_msg=name)


def test_close_rank_when_small_series_then_place_between_lowest_and_highest_close(bars_of):
    bars = bars_of([10, 14, 12, 9], high=[99] * 4, low=[1] * 4)

    np.testing.assert_array_equal(column("close_rank_3", bars), [NAN, NAN, 0.5, 0.0])


def test_zscore_when_random_walk_then_equal_to_scipy(random_walk):
    bars = random_walk(120, seed=63)
    expected = [stats.zscore(window, ddof=1)[-1] for window in windows(bars.close, 20)]

    np.testing.assert_allclose(column("zscore_20", bars)[19:], expected, rtol=1e-9)


def test_efficiency_ratio_when_small_series_then_net_change_by_path(bars_of):
    np.testing.assert_allclose(column("efficiency_ratio_3", bars_of([10, 12, 11, 14])), [NAN] * 3 + [4 / 6], rtol=1e-15)


@pytest.mark.parametrize(("step", "value"), [(0.3, 1.0), (-0.3, 1.0), (0.0, 0.0)])
def test_efficiency_ratio_when_prices_run_straight_or_stand_then_one_or_zero(bars_of, step, value):
    values = column("efficiency_ratio_10", bars_of(100 + step * np.arange(40)))

    np.testing.assert_allclose(values[10:], value, rtol=1e-12)
    assert values[10:].max() <= 1.0


@pytest.mark.parametrize(("length", "lag"), [(60, 5), (20, 2), (30, 29)])
def test_variance_ratio_when_random_walk_then_equal_to_arch(random_walk, length, lag):
    bars = random_walk(120, seed=64)
    expected = [
        VarianceRatio(window, lags=lag, trend="c", debiased=True, overlap=True).vr
        for window in windows(np.log(bars.close), length + 1)
    ]

    np.testing.assert_allclose(column(f"variance_ratio_{length}_{lag}", bars)[length:], expected, rtol=1e-9)


def test_variance_ratio_when_moves_revert_or_go_on_then_below_or_above_one(bars_of):
    rng = np.random.default_rng(65)
    noise = rng.normal(0.0, 0.01, 300)
    reverting = bars_of(100 * np.exp(noise))
    going_on = bars_of(100 * np.exp(np.cumsum(np.convolve(noise, np.ones(5), mode="valid"))))

    assert column("variance_ratio_60_5", reverting)[60:].max() < 0.6
    assert column("variance_ratio_60_5", going_on)[60:].min() > 1.5


@pytest.mark.parametrize(("length", "lag"), [(60, 1), (20, 5)])
def test_autocorrelation_when_random_walk_then_equal_to_numpy(random_walk, length, lag):
    bars = random_walk(120, seed=66)
    returns = np.diff(np.log(bars.close))
    expected = [np.corrcoef(window[lag:], window[:-lag])[0, 1] for window in windows(returns, length + lag)]

    np.testing.assert_allclose(column(f"autocorrelation_{length}_{lag}", bars)[length + lag :], expected, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("close_percentile_30", 0.5),
        ("close_rank_30", 0.5),
        ("realised_vol_percentile_5_30", 0.5),
        ("zscore_20", 0.0),
        ("variance_ratio_30_5", 1.0),
        ("autocorrelation_30_1", 0.0),
        ("sma_cross_5_20", 0.0),
    ],
)
def test_regime_when_prices_do_not_move_then_the_value_without_an_opinion(bars_of, name, value):
    assert set(column(name, bars_of([0.1] * 60))[35:]) == {value}


def test_parameters_when_they_do_not_fit_then_refused():
    with pytest.raises(UnknownName, match="lag must be less than length"):
        named("variance_ratio_10_10")
    with pytest.raises(UnknownName, match="fast must be less than slow"):
        named("sma_cross_200_50")
