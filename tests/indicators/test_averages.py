from __future__ import annotations

import numpy as np
import pytest

from optarb.indicators import named


def test_sma_when_small_series_then_hand_computed(bars_of):
    values = named("sma_3").compute(bars_of([1, 2, 6, 10]))["sma_3"]

    np.testing.assert_allclose(values, [np.nan, np.nan, 3.0, 6.0], rtol=1e-15)


def test_ema_when_small_series_then_seeded_with_the_simple_mean(bars_of):
    # Weight 2 / 4; seed (1 + 2 + 3) / 3 = 2, then 2 + (4 - 2) / 2 = 3 and 3 + (8 - 3) / 2 = 5.5.
    values = named("ema_3").compute(bars_of([1, 2, 3, 4, 8]))["ema_3"]

    np.testing.assert_allclose(values, [np.nan, np.nan, 2.0, 3.0, 5.5], rtol=1e-15)


def test_wma_when_small_series_then_hand_computed(bars_of):
    values = named("wma_3").compute(bars_of([1, 2, 4]))["wma_3"]

    np.testing.assert_allclose(values, [np.nan, np.nan, (1 * 1 + 2 * 2 + 3 * 4) / 6], rtol=1e-15)


def test_dema_and_tema_when_small_series_then_hand_computed(bars_of):
    # ema_2, weight 2/3: 1.5, 19/6, 115/18. Its own: (1.5 + 19/6) / 2 = 7/3, then 7/3 + 2/3 x 73/18 = 136/27.
    # The third starts with (7/3 + 136/27) / 2 = 199/54.
    bars = bars_of([1, 2, 4, 8])

    dema = named("dema_2").compute(bars)["dema_2"]
    tema = named("tema_2").compute(bars)["tema_2"]

    np.testing.assert_allclose(dema, [np.nan, np.nan, 4.0, 115 / 9 - 136 / 27], rtol=1e-14)
    np.testing.assert_allclose(tema, [np.nan, np.nan, np.nan, 3 * (115 / 18 - 136 / 27) + 199 / 54], rtol=1e-14)


def test_hma_when_small_series_then_hand_computed(bars_of):
    # wma_2: 20/3 and 22/3 in the last two rows; wma_4: 4.9 and 6.2. Twice the one less the other, weighted 1 and 2.
    values = named("hma_4").compute(bars_of([1, 2, 4, 8, 7]))["hma_4"]

    expected = ((40 / 3 - 4.9) + 2 * (44 / 3 - 6.2)) / 3
    np.testing.assert_allclose(values, [np.nan] * 4 + [expected], rtol=1e-14)


def test_kama_when_small_series_then_hand_computed(bars_of):
    # Weights between 1/2 and 1, squared. Efficiency 1/3, then 1/2: (2/3)^2 and (3/4)^2. Seed 12.
    values = named("kama_2_1_3").compute(bars_of([10, 12, 11, 14]))["kama_2_1_3"]

    first = 12 + 4 / 9 * (11 - 12)
    np.testing.assert_allclose(values, [np.nan, np.nan, first, first + 9 / 16 * (14 - first)], rtol=1e-15)


@pytest.mark.parametrize("column", ["wma_20", "hma_20", "kama_10_2_30"])
def test_average_when_closes_are_equal_then_exactly_that_close(bars_of, column):
    values = named(column).compute(bars_of([0.1] * 60))[column]

    assert set(values[30:]) == {0.1}
