from __future__ import annotations

import math

import numpy as np
import pytest

from optarb.indicators import named

NAN = np.nan


def column(name, bars):
    return named(name).compute(bars)[name]


def test_rsi_when_small_series_then_hand_computed(bars_of):
    # Changes +1, -1, +2. Seed: gain 0.5, loss 0.5. Next: gain (0.5 + 2) / 2 = 1.25, loss 0.25.
    values = column("rsi_2", bars_of([10, 11, 10, 12]))

    np.testing.assert_allclose(values, [NAN, NAN, 50.0, 100 * 1.25 / 1.5], rtol=1e-15)


def test_rsi_when_published_example_then_published_figures(bars_of):
    # StockCharts ChartSchool's worksheet for RSI(14).
    closes = [
        44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931,
        46.0328, 45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122,
    ]  # fmt: skip
    values = column("rsi_14", bars_of(closes))

    np.testing.assert_allclose(values[14:], [70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93], atol=0.005)


@pytest.mark.parametrize(("closes", "value"), [([5, 5, 5, 5], 50.0), ([5, 6, 7, 8], 100.0), ([8, 7, 6, 5], 0.0)])
def test_rsi_when_prices_only_stand_rise_or_fall_then_fifty_hundred_or_zero(bars_of, closes, value):
    assert column("rsi_3", bars_of(closes))[3] == value


def test_macd_when_small_series_then_each_mean_is_seeded_with_its_own_first_values(bars_of):
    # Fast (1): the close. Slow (2, weight 2/3): 1.5, 1.5 + 2/3 x 2.5 = 19/6, 19/6 + 2/3 x 29/6 = 115/18.
    # MACD: 0.5, 5/6, 29/18. Signal (2): (0.5 + 5/6) / 2 = 2/3, then 2/3 + 2/3 x 17/18 = 35/27.
    values = named("macd_1_2_2").compute(bars_of([1, 2, 4, 8]))

    np.testing.assert_allclose(values["macd_1_2_2"], [NAN, NAN, 5 / 6, 29 / 18], rtol=1e-14)
    np.testing.assert_allclose(values["macd_signal_1_2_2"], [NAN, NAN, 2 / 3, 35 / 27], rtol=1e-14)
    np.testing.assert_allclose(values["macd_hist_1_2_2"], [NAN, NAN, 1 / 6, 17 / 54], rtol=1e-14)


def plain_ema(values, length):
    """An exponential mean in plain Python, seeded with the simple mean of its first values."""
    means = [sum(values[:length]) / length]
    for value in values[length:]:
        means.append(means[-1] + 2 / (length + 1) * (value - means[-1]))
    return means


def test_macd_when_default_parameters_then_equal_to_a_plain_loop(random_walk):
    bars = random_walk(300, seed=2)
    closes = bars.close.tolist()
    fast, slow = plain_ema(closes, 12), plain_ema(closes, 26)
    line = [a - b for a, b in zip(fast[14:], slow, strict=True)]
    signal = plain_ema(line, 9)

    values = named("macd_12_26_9").compute(bars)

    np.testing.assert_allclose(values["macd_12_26_9"][33:], line[8:], atol=1e-11)
    np.testing.assert_allclose(values["macd_signal_12_26_9"][33:], signal, atol=1e-11)
    np.testing.assert_allclose(values["macd_hist_12_26_9"][33:], np.subtract(line[8:], signal), atol=1e-11)


def test_stochastic_when_small_series_then_hand_computed(bars_of):
    # Ranges of 2 bars: 8..12, 9..13, 10..14; closes 11, 10, 14 lie at 75, 25 and 100.
    bars = bars_of([9, 11, 10, 14], high=[10, 12, 13, 14], low=[8, 9, 10, 12])
    values = named("stoch_k_2_2_1").compute(bars)

    np.testing.assert_allclose(values["stoch_k_2_2_1"], [NAN, NAN, 50.0, 62.5], rtol=1e-15)
    np.testing.assert_allclose(values["stoch_d_2_2_1"], [NAN, NAN, 50.0, 62.5], rtol=1e-15)


def test_stochastic_when_range_is_zero_then_fifty(bars_of):
    values = named("stoch_k_14_3_3").compute(bars_of([7.0] * 20))

    assert set(values["stoch_k_14_3_3"][17:]) == {50.0}
    assert set(values["stoch_d_14_3_3"][17:]) == {50.0}


def test_changes_when_small_series_then_percent_and_fraction(bars_of):
    bars = bars_of([100, 80, 110])

    np.testing.assert_allclose(column("roc_1", bars), [NAN, -20.0, 37.5], rtol=1e-14)
    np.testing.assert_allclose(column("return_2", bars), [NAN, NAN, 0.1], rtol=1e-14)
    np.testing.assert_allclose(column("log_return_1", bars), [NAN, math.log(0.8), math.log(1.375)], rtol=1e-14)
    np.testing.assert_array_equal(column("momentum_2", bars), [NAN, NAN, 10.0])


def test_stoch_rsi_when_small_series_then_place_of_the_rsi_within_its_last_rows(bars_of):
    # rsi_2: 50, then 100 x 1.25 / 1.5 = 83.3, then gain 0.625, loss 1.125: 35.7. The second is the highest of three.
    bars = bars_of([10, 11, 10, 12, 10])
    values = named("stoch_rsi_k_2_2_1_1").compute(bars)

    np.testing.assert_allclose(column("rsi_2", bars)[2:], [50.0, 250 / 3, 62.5 / 1.75], rtol=1e-14)
    np.testing.assert_array_equal(values["stoch_rsi_k_2_2_1_1"], [NAN, NAN, NAN, 100.0, 0.0])
    np.testing.assert_array_equal(named("stoch_rsi_d_2_2_1_2").compute(bars)["stoch_rsi_d_2_2_1_2"], [NAN] * 4 + [50.0])


def test_cci_when_small_series_then_hand_computed(bars_of):
    # Typical prices 1, 2 and 6: mean 3, mean absolute deviation 2.
    bars = bars_of([1, 2, 6], high=[1.5, 3, 9], low=[0.5, 1, 3])

    np.testing.assert_allclose(column("cci_3", bars), [NAN, NAN, 3 / (0.015 * 2)], rtol=1e-14)


def test_williams_r_when_small_series_then_hand_computed(bars_of):
    # Highest high 12, lowest low 8; closes 11 and 9.
    bars = bars_of([11, 9], high=[12, 11], low=[10, 8])

    np.testing.assert_allclose(column("williams_r_2", bars), [NAN, -75.0], rtol=1e-15)


def test_tsi_when_default_parameters_then_equal_to_a_plain_loop(random_walk):
    bars = random_walk(300, seed=21)
    moves = np.diff(bars.close).tolist()
    net = plain_ema(plain_ema(moves, 25), 13)
    path = plain_ema(plain_ema([abs(move) for move in moves], 25), 13)
    line = [100 * a / b for a, b in zip(net, path, strict=True)]

    values = named("tsi_25_13_13").compute(bars)

    np.testing.assert_allclose(values["tsi_25_13_13"][49:], line[12:], rtol=1e-9)
    np.testing.assert_allclose(values["tsi_signal_25_13_13"][49:], plain_ema(line, 13), rtol=1e-9)


@pytest.mark.parametrize(("step", "value"), [(0.5, 100.0), (0.0, 0.0), (-0.5, -100.0)])
def test_tsi_when_prices_only_rise_stand_or_fall_then_hundred_zero_or_minus_hundred(bars_of, step, value):
    values = column("tsi_5_3_2", bars_of(100 + step * np.arange(30)))

    np.testing.assert_allclose(values[8:], value, rtol=1e-14)


def test_ultimate_when_small_series_then_hand_computed(bars_of):
    # Pressure 2, 1, 4 on true ranges 3, 4, 6 (from the previous closes 9, 11, 8): the newest, the last two, all three.
    bars = bars_of([9, 11, 8, 12], high=[10, 12, 11, 14], low=[8, 9, 7, 8])

    expected = 100 * (4 * 4 / 6 + 2 * 5 / 10 + 7 / 13) / 7
    np.testing.assert_allclose(column("ultimate_1_2_3", bars), [NAN, NAN, NAN, expected], rtol=1e-14)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stoch_rsi_k_14_14_3_3", 50.0),
        ("cci_20", 0.0),
        ("williams_r_14", -50.0),
        ("ultimate_7_14_28", 50.0),
        ("momentum_10", 0.0),
    ],
)
def test_oscillator_when_prices_do_not_move_then_the_value_without_an_opinion(bars_of, name, value):
    assert set(column(name, bars_of([0.1] * 60))[31:]) == {value}
