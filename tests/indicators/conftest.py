"""Bars for the tests of indicators."""

from __future__ import annotations

import numpy as np
import pytest

from optarb.domain.bars import Bars


def _bars(close, high=None, low=None):
    close = np.asarray(close, dtype=np.float64)
    return Bars(
        symbol="SPX",
        sessions=np.datetime64("2001-01-01", "D") + np.arange(len(close)),
        open=close.copy(),
        high=close.copy() if high is None else np.asarray(high, dtype=np.float64),
        low=close.copy() if low is None else np.asarray(low, dtype=np.float64),
        close=close,
        volume=np.zeros(len(close)),
    )


def _random_walk(n, seed):
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, n)))
    return _bars(close, close * (1.0 + rng.uniform(0.0, 0.01, n)), close * (1.0 - rng.uniform(0.0, 0.01, n)))


@pytest.fixture(scope="session")
def bars_of():
    """Builds bars of closes, with highs and lows equal to the closes unless given."""
    return _bars


@pytest.fixture(scope="session")
def random_walk():
    """Builds ``n`` valid bars from a seed."""
    return _random_walk
