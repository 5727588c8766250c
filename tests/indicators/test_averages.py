from __future__ import annotations

import numpy as np
import pytest
import talib

from optarb.indicators import named


def test_sma_when_small_series_then_hand_computed(bars_of):
    values = named("sma_3").compute(bars_of([1, 2, 6, 10]))["sma_3"]

    np.testing.assert_allclose(values, [np.nan, np.nan, 3.0, 6.0], rtol=1e-15)


def test_ema_when_small_series_then_seeded_with_the_simple_mean(bars_of):
    # Weight 2 / 4; seed (1 + 2 + 3) / 3 = 2, then 2 + (4 - 2) / 2 = 3 and 3 + (8 - 3) / 2 = 5.5.
    values = named("ema_3").compute(bars_of([1, 2, 3, 4, 8]))["ema_3"]

    np.testing.assert_allclose(values, [np.nan, np.nan, 2.0, 3.0, 5.5], rtol=1e-15)


@pytest.mark.parametrize("length", [2, 10, 37, 200])
def test_averages_when_random_walk_then_equal_to_ta_lib(random_walk, length):
    bars = random_walk(600, seed=1)

    sma = named(f"sma_{length}").compute(bars)[f"sma_{length}"]
    ema = named(f"ema_{length}").compute(bars)[f"ema_{length}"]

    np.testing.assert_allclose(sma, talib.SMA(bars.close, length), rtol=1e-12)
    np.testing.assert_allclose(ema, talib.EMA(bars.close, length), rtol=1e-12)
