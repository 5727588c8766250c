from __future__ import annotations

import numpy as np
import pytest

from optarb.indicators import named

NAN = np.nan


def column(name, bars):
    return named(name).compute(bars)[name]


def test_adx_when_small_series_then_hand_computed(bars_of):
    # True ranges 3, 4, 5; directional movement +2, -2, +2.
    # Sums: range 3, 3 - 1.5 + 4 = 5.5, 5.5 - 2.75 + 5 = 7.75; plus 2, 1, 2.5; minus 0, 2, 1.
    bars = bars_of([9, 11, 8, 12], high=[10, 12, 11, 13], low=[8, 9, 7, 8])
    di = named("plus_di_2").compute(bars)

    np.testing.assert_allclose(di["plus_di_2"], [NAN, NAN, 100 / 5.5, 250 / 7.75], rtol=1e-14)
    np.testing.assert_allclose(di["minus_di_2"], [NAN, NAN, 200 / 5.5, 100 / 7.75], rtol=1e-14)
    np.testing.assert_allclose(column("adx_2", bars), [NAN, NAN, NAN, (100 / 3 + 150 / 3.5) / 2], rtol=1e-14)


def test_adx_when_prices_do_not_move_then_zero(bars_of):
    bars = bars_of([7.0] * 40)

    assert set(column("plus_di_14", bars)[14:]) == {0.0}
    assert set(column("minus_di_14", bars)[14:]) == {0.0}
    assert set(column("adx_14", bars)[27:]) == {0.0}


def test_adx_when_first_bars_only_stand_then_defined_from_the_warm_up_on(bars_of):
    values = column("adx_14", bars_of([7.0] * 30 + [8.0, 9.0]))

    assert set(values[27:30]) == {0.0}
    # The first rise makes a directional index of 100, of which Wilder's mean takes a fourteenth.
    assert values[30] == pytest.approx(100 / 14)


def test_aroon_when_small_series_then_hand_computed(bars_of):
    # Of the last three bars the highest high is one row old and the lowest low none; then two rows and one.
    bars = bars_of([11, 13, 10, 12], high=[12, 14, 11, 13], low=[10, 12, 9, 11])
    values = named("aroon_up_2").compute(bars)

    np.testing.assert_array_equal(values["aroon_up_2"], [NAN, NAN, 50.0, 0.0])
    np.testing.assert_array_equal(values["aroon_down_2"], [NAN, NAN, 100.0, 50.0])
    np.testing.assert_array_equal(values["aroon_osc_2"], [NAN, NAN, -50.0, -50.0])


def test_aroon_when_highs_are_equal_then_the_newest_counts(bars_of):
    values = named("aroon_up_25").compute(bars_of([7.0] * 30))

    assert set(values["aroon_up_25"][25:]) == set(values["aroon_down_25"][25:]) == {100.0}
    assert set(values["aroon_osc_25"][25:]) == {0.0}


def test_psar_when_a_rise_turns_then_hand_computed(bars_of):
    # Starts at the low 9 with the extreme 11; 9 + 0.02 x 2 = 9.04; 9.04 + 0.04 x (12 - 9.04) = 9.1584, which the low of 8
    # crosses: the stop jumps to the extreme of 12.
    bars = bars_of([9.5, 10.5, 11.5, 9], high=[10, 11, 12, 11], low=[9, 10, 11, 8])

    np.testing.assert_allclose(column("psar_0.02_0.2", bars), [NAN, 9.0, 9.04, 12.0], rtol=1e-15)


def test_psar_when_prices_are_mirrored_then_so_is_the_stop(random_walk, bars_of):
    bars = random_walk(300, seed=22)
    mirrored = bars_of(300 - bars.close, high=300 - bars.low, low=300 - bars.high)

    np.testing.assert_allclose(column("psar_0.02_0.2", mirrored)[1:], 300 - column("psar_0.02_0.2", bars)[1:], rtol=1e-12)


def test_supertrend_when_small_series_then_hand_computed(bars_of):
    # True ranges 1.5, 3.5, 7, 3.5, 4, 6 around the middles 11, 8.25, 12, 12, 13, 11. The close of 8 breaks the floor of 9.5;
    # that of 9 stays below the ceiling, which does not rise from 11.75 to 19; that of 12 breaks it; at last the floor does
    # not fall from 9 to 5.
    bars = bars_of([10, 11, 8, 9, 12, 11, 9.5], high=[10.5, 11.5, 9, 15, 12.5, 15, 14], low=[9.5, 10.5, 7.5, 9, 11.5, 11, 8])
    values = named("supertrend_1_1").compute(bars)

    np.testing.assert_allclose(values["supertrend_1_1"], [NAN, 9.5, 11.75, 11.75, 8.5, 9.0, 9.0], rtol=1e-15)
    np.testing.assert_array_equal(values["supertrend_direction_1_1"], [NAN, 1, -1, -1, 1, 1, 1])


def test_linreg_when_small_series_then_hand_computed(bars_of):
    # Rows 0, 1, 2: spread 2, covariance 3, spread of the closes 14/3.
    values = named("linreg_3").compute(bars_of([1, 2, 4]))

    assert values["linreg_3"][2] == pytest.approx(7 / 3 + 1.5, rel=1e-15)
    assert values["linreg_slope_3"][2] == pytest.approx(1.5, rel=1e-15)
    assert values["linreg_r2_3"][2] == pytest.approx(9 / (2 * 14 / 3), rel=1e-14)


@pytest.mark.parametrize("length", [2, 20, 75])
def test_linreg_when_random_walk_then_equal_to_polyfit(random_walk, length):
    bars = random_walk(200, seed=23)
    values = named(f"linreg_{length}").compute(bars)
    for row in (length - 1, 120, 199):
        slope, start = np.polyfit(np.arange(length), bars.close[row - length + 1 : row + 1], 1)
        assert values[f"linreg_slope_{length}"][row] == pytest.approx(slope, rel=1e-8)
        assert values[f"linreg_{length}"][row] == pytest.approx(start + slope * (length - 1), rel=1e-11)


def test_linreg_when_closes_are_equal_then_no_slope_and_nothing_explained(bars_of):
    values = named("linreg_20").compute(bars_of([0.1] * 30))

    assert set(values["linreg_20"][19:]) == {0.1}
    assert set(values["linreg_slope_20"][19:]) == set(values["linreg_r2_20"][19:]) == {0.0}


def test_ichimoku_when_small_series_then_the_cloud_is_that_of_base_rows_before(bars_of):
    # Middles of one, two and three bars; base is 2.
    bars = bars_of([9, 11, 10, 14, 15], high=[10, 12, 13, 14, 16], low=[8, 10, 9, 12, 15])
    values = named("ichimoku_base_1_2_3").compute(bars)

    np.testing.assert_array_equal(values["ichimoku_conversion_1_2_3"], [NAN] * 4 + [15.5])
    np.testing.assert_array_equal(values["ichimoku_base_1_2_3"], [NAN] * 4 + [14.0])
    np.testing.assert_array_equal(values["ichimoku_span_a_1_2_3"], [NAN] * 4 + [(11.0 + 11.0) / 2])
    np.testing.assert_array_equal(values["ichimoku_span_b_1_2_3"], [NAN] * 4 + [(13.0 + 8.0) / 2])
