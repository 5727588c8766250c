from __future__ import annotations

import numpy as np
import pytest
import talib

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


def test_macd_when_the_seed_has_faded_then_equal_to_ta_lib(random_walk):
    bars = random_walk(900, seed=3)
    line, signal, _ = talib.MACD(bars.close, 12, 26, 9)

    values = named("macd_12_26_9").compute(bars)

    np.testing.assert_allclose(values["macd_12_26_9"][400:], line[400:], atol=1e-9)
    np.testing.assert_allclose(values["macd_signal_12_26_9"][400:], signal[400:], atol=1e-9)


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


@pytest.mark.parametrize("length", [2, 7, 14, 50])
def test_wilders_indicators_when_random_walk_then_equal_to_ta_lib(random_walk, length):
    bars = random_walk(600, seed=4)
    hlc = (bars.high, bars.low, bars.close)

    expected = {
        f"rsi_{length}": talib.RSI(bars.close, length),
        f"plus_di_{length}": talib.PLUS_DI(*hlc, length),
        f"minus_di_{length}": talib.MINUS_DI(*hlc, length),
        f"adx_{length}": talib.ADX(*hlc, length),
    }

    for name, values in expected.items():
        np.testing.assert_allclose(column(name, bars), values, rtol=1e-9, atol=1e-9, err_msg=name)


def test_stochastic_when_random_walk_then_equal_to_ta_lib(random_walk):
    bars = random_walk(600, seed=5)
    k, d = talib.STOCH(bars.high, bars.low, bars.close, 14, 4, 0, 5, 0)

    values = named("stoch_k_14_4_5").compute(bars)

    np.testing.assert_allclose(values["stoch_k_14_4_5"], k, atol=1e-9)
    np.testing.assert_allclose(values["stoch_d_14_4_5"], d, atol=1e-9)


def test_changes_when_small_series_then_percent_and_fraction(bars_of):
    bars = bars_of([100, 80, 110])

    np.testing.assert_allclose(column("roc_1", bars), [NAN, -20.0, 37.5], rtol=1e-14)
    np.testing.assert_allclose(column("return_2", bars), [NAN, NAN, 0.1], rtol=1e-14)


def test_changes_when_random_walk_then_equal_to_ta_lib(random_walk):
    bars = random_walk(200, seed=6)

    np.testing.assert_allclose(column("roc_10", bars), talib.ROC(bars.close, 10), atol=1e-10)
    np.testing.assert_allclose(column("return_5", bars), talib.ROCP(bars.close, 5), atol=1e-12)
