from __future__ import annotations

import math

import numpy as np
import pytest
import talib

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


@pytest.mark.parametrize(("length", "deviations"), [(20, 2.0), (10, 1.5), (50, 3.0)])
def test_bollinger_when_random_walk_then_equal_to_ta_lib(random_walk, length, deviations):
    bars = random_walk(500, seed=7)
    upper, middle, lower = talib.BBANDS(bars.close, length, deviations, deviations)
    suffix = f"{length}_{deviations:g}"

    values = named(f"bb_upper_{suffix}").compute(bars)

    # TA-Lib takes the variance as a difference of squares, which costs it digits.
    np.testing.assert_allclose(values[f"bb_upper_{suffix}"], upper, rtol=1e-9)
    np.testing.assert_allclose(values[f"bb_middle_{suffix}"], middle, rtol=1e-12)
    np.testing.assert_allclose(values[f"bb_lower_{suffix}"], lower, rtol=1e-9)


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


@pytest.mark.parametrize("length", [2, 14, 50])
def test_atr_when_random_walk_then_equal_to_ta_lib(random_walk, length):
    bars = random_walk(500, seed=9)

    expected = talib.ATR(bars.high, bars.low, bars.close, length)

    np.testing.assert_allclose(column(f"atr_{length}", bars), expected, rtol=1e-10)


def test_realised_vol_when_small_series_then_hand_computed(bars_of):
    # Two returns: their sample deviation is their distance over the square root of two.
    expected = (math.log(110 / 100) - math.log(99 / 110)) / math.sqrt(2) * math.sqrt(252)

    values = column("realised_vol_2", bars_of([100, 110, 99]))

    np.testing.assert_allclose(values, [NAN, NAN, expected], rtol=1e-13)


def test_realised_vol_when_prices_do_not_move_then_exactly_zero(bars_of):
    assert set(column("realised_vol_20", bars_of([7.3] * 25))[20:]) == {0.0}
