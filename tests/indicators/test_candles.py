from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optarb.indicators import named

NAN = np.nan


def column(name, bars):
    return named(name).compute(bars)[name]


def test_candle_when_small_series_then_fractions_of_the_range(bars_of):
    # A white bar from 11 to 13 within 10..14; a black one from 13 to 10 within 10..14.
    bars = replace(bars_of([13, 10], high=[14, 14], low=[10, 10]), open=np.array([11.0, 13.0]))
    values = named("candle_body").compute(bars)

    np.testing.assert_array_equal(values["candle_body"], [0.5, -0.75])
    np.testing.assert_array_equal(values["candle_upper"], [0.25, 0.25])
    np.testing.assert_array_equal(values["candle_lower"], [0.25, 0.0])


def test_candle_when_open_and_close_lie_outside_low_to_high_then_parts_still_add_up_to_one(bars_of):
    bars = replace(bars_of([15], high=[14], low=[10]), open=np.array([9.0]))
    values = named("candle_body").compute(bars)

    assert [values[name][0] for name in values] == [1.0, 0.0, 0.0]


def test_shapes_when_bars_are_closes_only_then_zero(random_walk, bars_of):
    bars = bars_of(random_walk(60, seed=51).close)

    for name in ("candle_body", "candle_upper", "candle_lower", "doji_10_0.1", "inside_bar", "outside_bar"):
        assert set(column(name, bars)[10:]) == {0.0}, name


@pytest.mark.parametrize(("body", "doji"), [(0.0, 1.0), (0.3, 1.0), (-0.3, 1.0), (0.31, 0.0), (-0.31, 0.0)])
def test_doji_when_body_is_a_tenth_of_the_ranges_before_or_less_then_one(bars_of, body, doji):
    # Ranges of 2 and 4 before; the bar's own, of 20, does not count.
    bars = bars_of([50, 50, 50 + body], high=[51, 52, 60], low=[49, 48, 40])

    np.testing.assert_array_equal(column("doji_2_0.1", replace(bars, open=np.full(3, 50.0))), [NAN, NAN, doji])


def test_inside_and_outside_when_ranges_nest_then_one(bars_of):
    bars = bars_of([10] * 5, high=[14, 13, 15, 15, 14], low=[6, 7, 5, 6, 6])
    values = named("inside_bar").compute(bars)

    np.testing.assert_array_equal(values["inside_bar"], [NAN, 1.0, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(values["outside_bar"], [NAN, 0.0, 1.0, 0.0, 0.0])


def test_gap_when_open_differs_from_the_close_before_then_its_fraction(bars_of):
    bars = replace(bars_of([100, 90, 90]), open=np.array([100.0, 105.0, 81.0]))

    np.testing.assert_allclose(column("gap", bars), [NAN, 0.05, -0.1], rtol=1e-14)


def test_gap_when_bars_are_closes_only_then_the_daily_return(random_walk, bars_of):
    bars = bars_of(random_walk(60, seed=52).close)

    np.testing.assert_array_equal(column("gap", bars), column("return_1", bars))


def test_distance_when_small_series_then_from_the_highest_high_and_the_lowest_low(bars_of):
    values = named("from_high_2").compute(bars_of([90, 95, 100], high=[100, 99, 110], low=[80, 90, 95]))

    np.testing.assert_allclose(values["from_high_2"], [NAN, -0.05, -1 / 11], rtol=1e-14)
    np.testing.assert_allclose(values["from_low_2"], [NAN, 95 / 80 - 1, 100 / 90 - 1], rtol=1e-14)


def test_drawdown_when_small_series_then_from_the_highest_close_of_the_window(bars_of):
    bars = bars_of([100, 80, 90, 95], high=[200] * 4, low=[1] * 4)

    np.testing.assert_allclose(column("drawdown_3", bars), [NAN, NAN, -0.1, 0.0], atol=1e-15)
