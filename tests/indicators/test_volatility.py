from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import talib

from optarb.domain.bars import Bars
from optarb.errors import UnknownName
from optarb.indicators import named

NAN = np.nan


def column(name, bars):
    return named(name).compute(bars)[name]


def test_bollinger_when_small_series_then_hand_computed(bars_of):
    # Mean 12, population variance (4 + 0 + 4) / 3.
    half = 2 * math.sqrt(8 / 3)
    values = named("bb_upper_3_2").compute(bars_of([10, 12, 14]))

    assert values["bb_upper_3_2"][2] == pytest.approx(12 + half, rel=1e-15)
    assert values["bb_middle_3_2"][2] == pytest.approx(12, rel=1e-15)
    assert values["bb_lower_3_2"][2] == pytest.approx(12 - half, rel=1e-15)
    assert values["bb_width_3_2"][2] == pytest.approx(2 * half / 12, rel=1e-15)
    assert values["bb_percent_3_2"][2] == pytest.approx((14 - 12 + half) / (2 * half), rel=1e-15)


def test_bollinger_when_closes_are_equal_then_no_width_and_the_close_in_the_middle(bars_of):
    # 0.1 has no exact binary form: a mean of twenty of them, or a running sum after a jump, would leave a residue.
    values = named("bb_width_20_2").compute(bars_of([250.0] + [0.1] * 30))

    assert set(values["bb_width_20_2"][20:]) == {0.0}
    assert set(values["bb_percent_20_2"][20:]) == {0.5}


@pytest.mark.parametrize(("ranges", "inside"), [("1.1", 1.0), ("1", 0.0), ("0.9", 0.0)])
def test_squeeze_when_channel_is_wider_narrower_or_equal_then_one_only_if_wider(bars_of, ranges, inside):
    # Closes 10 and 11: deviation 0.5, twice 1. True ranges 1 and 1: mean 1.
    bars = bars_of([10, 10, 11], high=[10, 10.5, 11], low=[10, 9.5, 10])

    np.testing.assert_array_equal(column(f"squeeze_2_2_{ranges}", bars), [NAN, NAN, inside])


def test_squeeze_when_random_walk_then_equal_to_bands_and_channel_of_ta_lib(random_walk):
    bars = random_walk(500, seed=8)
    upper, middle, lower = talib.BBANDS(bars.close, 20, 2.0, 2.0)
    span = 1.5 * talib.SMA(talib.TRANGE(bars.high, bars.low, bars.close), 20)
    expected = (upper < middle + span) & (lower > middle - span)

    values = column("squeeze_20_2_1.5", bars)

    assert 0 < expected[20:].sum() < 480
    np.testing.assert_array_equal(values[20:], expected[20:])


def test_atr_when_small_series_then_hand_computed(bars_of):
    # True ranges 3 (12 - 9), 4 (11 - 7, the previous close 11 inside), 6 (14 - 8, from the previous close 8).
    bars = bars_of([9, 11, 8, 14], high=[10, 12, 11, 14], low=[8, 9, 7, 12])

    np.testing.assert_allclose(column("atr_2", bars), [NAN, NAN, 3.5, 4.75], rtol=1e-15)


def test_atr_when_prices_do_not_move_then_exactly_zero(bars_of):
    assert set(column("atr_14", bars_of([7.0] * 20))[14:]) == {0.0}


def test_realised_vol_when_small_series_then_hand_computed(bars_of):
    # Two returns: their sample deviation is their distance over the square root of two.
    expected = (math.log(110 / 100) - math.log(99 / 110)) / math.sqrt(2) * math.sqrt(252)

    values = column("realised_vol_2", bars_of([100, 110, 99]))

    np.testing.assert_allclose(values, [NAN, NAN, expected], rtol=1e-13)


def test_realised_vol_when_prices_do_not_move_then_exactly_zero(bars_of):
    assert set(column("realised_vol_20", bars_of([7.3] * 25))[20:]) == {0.0}


def test_natr_when_small_series_then_percent_of_the_close(bars_of):
    bars = bars_of([9, 11, 8, 14], high=[10, 12, 11, 14], low=[8, 9, 7, 12])

    np.testing.assert_allclose(column("natr_2", bars), [NAN, NAN, 350 / 8, 475 / 14], rtol=1e-15)


def test_true_range_when_small_series_then_hand_computed(bars_of):
    bars = bars_of([9, 11, 8, 14], high=[10, 12, 11, 14], low=[8, 9, 7, 12])

    np.testing.assert_array_equal(column("true_range", bars), [NAN, 3.0, 4.0, 6.0])


def test_keltner_when_small_series_then_hand_computed(bars_of):
    # ema_2 of 9, 11, 8: 10, then 10 - 2/3 x 2. True ranges 3 and 4: atr_2 is 3.5.
    values = named("keltner_upper_2_2_2").compute(bars_of([9, 11, 8], high=[10, 12, 11], low=[8, 9, 7]))

    middle = 10 - 4 / 3
    np.testing.assert_allclose(values["keltner_upper_2_2_2"], [NAN, NAN, middle + 7], rtol=1e-14)
    np.testing.assert_allclose(values["keltner_middle_2_2_2"], [NAN, NAN, middle], rtol=1e-14)
    np.testing.assert_allclose(values["keltner_lower_2_2_2"], [NAN, NAN, middle - 7], rtol=1e-14)


def test_donchian_when_small_series_then_the_row_itself_is_among_the_bars(bars_of):
    values = named("donchian_upper_2").compute(bars_of([9, 11, 8], high=[10, 12, 11], low=[8, 9, 7]))

    np.testing.assert_array_equal(values["donchian_upper_2"], [NAN, 12.0, 12.0])
    np.testing.assert_array_equal(values["donchian_middle_2"], [NAN, 10.0, 9.5])
    np.testing.assert_array_equal(values["donchian_lower_2"], [NAN, 8.0, 7.0])


E = math.e


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        # Two bars: high, low, close over the open in logarithms 2, -1, 1 and 1, -2, -1.
        ("parkinson_vol_2", (9 + 9) / 2 / (4 * math.log(2))),
        ("garman_klass_vol_2", (9 / 2 + 9 / 2) / 2 - (2 * math.log(2) - 1) * (1 + 1) / 2),
        ("rogers_satchell_vol_2", ((2 * 1 + 1 * 2) + (1 * 2 + 2 * 1)) / 2),
    ],
)
def test_range_volatility_when_small_series_then_hand_computed(bars_of, name, variance):
    bars = replace(
        bars_of([100 * E, 50 / E], high=[100 * E**2, 50 * E], low=[100 / E, 50 / E**2]), open=np.array([100.0, 50.0])
    )

    np.testing.assert_allclose(column(name, bars), [NAN, math.sqrt(252 * variance)], rtol=1e-13)


def test_yang_zhang_when_small_series_then_hand_computed(bars_of):
    # Gaps 1 and 3, bodies 1 and -1: sample variances 2 and 2. Rogers and Satchell as above: 4. k = 0.34 / (1.34 + 3).
    first, second = 100 * E, 100 * E**2 * E**3
    bars = replace(
        bars_of([100, first * E, second / E], high=[100, first * E**2, second * E], low=[100, first / E, second / E**2]),
        open=np.array([100.0, first, second]),
    )
    k = 0.34 / 4.34

    expected = math.sqrt(252 * (2 + k * 2 + (1 - k) * 4))
    np.testing.assert_allclose(column("yang_zhang_vol_2", bars), [NAN, NAN, expected], rtol=1e-13)


def simulated(drift, gap):
    """4,000 days of 390 steps at 1 % a day while the market is open, and of gaps between the days."""
    rng = np.random.default_rng(31)
    steps = rng.normal(drift / 390, 0.01 / math.sqrt(390), (4_000, 390))
    paths = np.concatenate((np.zeros((4_000, 1)), np.cumsum(steps, axis=1)), axis=1)
    gaps = rng.normal(0.0, 0.01, 4_000) * gap
    opens = np.cumsum(gaps) + np.concatenate(([0.0], np.cumsum(paths[:-1, -1])))
    inside = {"open": paths[:, 0], "high": paths.max(axis=1), "low": paths.min(axis=1), "close": paths[:, -1]}
    columns = {name: 100 * np.exp(opens + values) for name, values in inside.items()}
    sessions = np.datetime64("2001-01-01", "D") + np.arange(4_000)
    return Bars(symbol="SPX", sessions=sessions, volume=np.zeros(4_000), **columns).checked()


@pytest.mark.parametrize(
    ("name", "drift", "gap", "daily"),
    [
        ("realised_vol_3000", 0.0, 0.0, 0.01),
        ("parkinson_vol_3000", 0.0, 0.0, 0.01),
        ("garman_klass_vol_3000", 0.0, 0.0, 0.01),
        ("rogers_satchell_vol_3000", 0.0, 0.0, 0.01),
        ("rogers_satchell_vol_3000", 0.01, 0.0, 0.01),  # a trend of a deviation a day does not raise it
        ("yang_zhang_vol_3000", 0.0, 0.0, 0.01),
        ("yang_zhang_vol_3000", 0.01, 1.0, 0.01 * math.sqrt(2)),  # it sees gaps as wide as the days
        ("parkinson_vol_3000", 0.0, 1.0, 0.01),  # which the range does not
    ],
)
def test_estimator_when_prices_are_simulated_then_it_finds_the_volatility_they_were_made_with(name, drift, gap, daily):
    values = column(name, simulated(drift, gap))

    # Between 390 steps the highest and lowest prices are missed, which costs a range about 4 %.
    assert values[-1] == pytest.approx(daily * math.sqrt(252), rel=0.06)


def test_estimators_when_bars_are_closes_only_then_none_sees_a_range_and_yang_zhang_is_realised(random_walk, bars_of):
    bars = bars_of(random_walk(60, seed=32).close)

    for name in ("parkinson_vol_20", "garman_klass_vol_20", "rogers_satchell_vol_20"):
        assert set(column(name, bars)[19:]) == {0.0}
    np.testing.assert_allclose(column("yang_zhang_vol_20", bars), column("realised_vol_20", bars), rtol=1e-12)
    np.testing.assert_allclose(column("true_range", bars)[1:], np.abs(np.diff(bars.close)), rtol=1e-12)


def test_estimators_when_a_close_lies_far_outside_its_range_then_zero_instead_of_no_number(bars_of):
    bars = replace(bars_of([110] * 3, high=[101] * 3, low=[100] * 3), open=np.full(3, 100.5))

    assert set(column("garman_klass_vol_2", bars)[1:]) == {0.0}
    assert set(column("rogers_satchell_vol_2", replace(bars, open=np.full(3, 90.0)))[1:]) == {0.0}


def test_ewma_vol_when_small_series_then_hand_computed(bars_of):
    # Returns 1, 2 and 3: seed (1 + 4) / 2, then 0.9 x 2.5 + 0.1 x 9.
    values = column("ewma_vol_2_0.9", bars_of([1, E, E**3, E**6]))

    np.testing.assert_allclose(values, [NAN, NAN, math.sqrt(252 * 2.5), math.sqrt(252 * 3.15)], rtol=1e-14)


def test_vol_of_vol_when_random_walk_then_equal_to_pandas(random_walk):
    bars = random_walk(200, seed=33)
    returns = pd.Series(np.log(bars.close)).diff()
    expected = (returns.rolling(10).std() * math.sqrt(252)).rolling(15).std()

    np.testing.assert_allclose(column("vol_of_vol_10_15", bars), expected, rtol=1e-9)


@pytest.mark.parametrize("decay", ["1", "1.5"])
def test_ewma_vol_when_decay_is_one_or_more_then_refused(decay):
    with pytest.raises(UnknownName, match="decay must be less than 1"):
        named(f"ewma_vol_20_{decay}")
