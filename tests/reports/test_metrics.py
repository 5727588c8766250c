"""Figures of an equity curve, against numpy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optarb.reports.metrics import drawdown, sharpe

CURVES = st.lists(st.floats(min_value=1.0, max_value=1e6), min_size=3, max_size=60)


def test_drawdown_when_largest_in_dollars_and_in_fraction_differ_then_each_is_its_own():
    # 100 -> 50 is half of the peak; 1000 -> 800 is only a fifth, but 200 dollars.
    assert drawdown([100.0, 50.0, 1000.0, 800.0]) == (0.5, 200.0)


@pytest.mark.parametrize("curve", [[], [100.0], [1.0, 2.0, 2.0, 3.0]])
def test_drawdown_when_never_falling_then_zero(curve):
    assert drawdown(curve) == (0.0, 0.0)


@given(CURVES)
def test_drawdown_when_compared_with_numpy_then_equal(curve):
    values = np.array(curve)
    peaks = np.maximum.accumulate(values)

    found = drawdown(curve)

    assert found.usd == (peaks - values).max()
    assert found.fraction == pytest.approx(((peaks - values) / peaks).max(), rel=1e-12, abs=0)


def test_sharpe_when_worked_out_by_hand_then_equal():
    # Returns +10 % and -10 %: their mean is 0; +20 % and 0 %: mean 0.1, deviation 0.1 sqrt(2), ratio sqrt(252 / 2).
    assert sharpe([100.0, 110.0, 99.0]) == pytest.approx(0.0, abs=1e-12)
    assert sharpe([100.0, 120.0, 120.0]) == pytest.approx(126.0**0.5, rel=1e-12)


@given(CURVES)
def test_sharpe_when_compared_with_numpy_then_equal(curve):
    values = np.array(curve)
    returns = values[1:] / values[:-1] - 1.0
    deviation = returns.std(ddof=1)

    if deviation > 1e-12:
        assert sharpe(curve) == pytest.approx(returns.mean() / deviation * np.sqrt(252), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    "curve",
    [
        [],
        [100.0, 101.0],
        [100.0] * 5,
        [100.0 * 1.01**n for n in range(50)],  # equal returns that floats tell apart in the last place
        [100.0, 0.0, 100.0],
        [100.0, -5.0, 100.0],
    ],
)
def test_sharpe_when_it_has_no_meaning_then_none(curve):
    assert sharpe(curve) is None


def test_sharpe_when_only_the_end_is_zero_then_a_figure():
    assert sharpe([100.0, 110.0, 0.0]) == pytest.approx(-0.45 / (1.1 / 2**0.5) * 252**0.5)
