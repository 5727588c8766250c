"""Sharpe ratios a period and their moments."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from optarb.errors import ConfigurationError
from optarb.statistics import SharpeEstimate, sharpe_ratios


def test_estimate_when_worked_out_on_paper_then_ratio_and_moments():
    # Mean 1, deviations -3, -1, 1, 3: sum of squares 20, of fourth powers 164; the sample variance is 20 / 3.
    estimate = SharpeEstimate.of([-0.02, 0.0, 0.02, 0.04])

    assert estimate.observations == 4
    assert estimate.sharpe == pytest.approx(1 / math.sqrt(20 / 3))
    assert estimate.skewness == pytest.approx(0, abs=1e-12)
    assert estimate.kurtosis == pytest.approx((164 / 4) / (20 / 4) ** 2)


def test_estimate_when_skewed_then_moments_are_those_of_scipy():
    returns = np.random.default_rng(3).gamma(2, 0.01, 400) - 0.02

    estimate = SharpeEstimate.of(pd.Series(returns))

    assert estimate.skewness == pytest.approx(stats.skew(returns))
    assert estimate.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False))


def test_standard_error_when_normal_then_lo_2002():
    # A. Lo, "The statistics of Sharpe ratios" (2002): sqrt((1 + SR^2 / 2) / T), here with T - 1.
    estimate = SharpeEstimate(sharpe=0.5, observations=61)

    assert estimate.standard_error == pytest.approx(math.sqrt(1.125 / 60))


@pytest.mark.parametrize(
    ("returns", "message"),
    [
        ([0.01, math.nan, 0.02], r"finite, got nan in row 1"),
        ([0.01, 0.02, -math.inf], r"finite, got -inf in row 2"),
        ([0.01], r"at least 2 rows, got 1"),
        ([[0.01], [0.02]], r"1 dimension\(s\), got the shape \(2, 1\)"),
        ([0.01, 0.01, 0.01], r"must vary .* got 3 times 0.01"),
    ],
)
def test_estimate_when_returns_are_unusable_then_configuration_error(returns, message):
    with pytest.raises(ConfigurationError, match=message):
        SharpeEstimate.of(returns)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sharpe": math.nan}, "sharpe must be a finite number"),
        ({"observations": 1}, "observations must be a whole number of at least 2"),
        ({"kurtosis": 0.5}, r"not the excess"),
        ({"skewness": -3.0, "kurtosis": 9.0}, r"kurtosis must be at least 1 \+ skewness squared"),
    ],
)
def test_estimate_when_fields_are_impossible_then_configuration_error(fields, message):
    with pytest.raises(ConfigurationError, match=message):
        SharpeEstimate(**{"sharpe": 0.1, "observations": 100, **fields})


def test_ratios_when_matrix_then_each_column_and_zero_where_nothing_varies():
    matrix = pd.DataFrame({"a": [0.01, 0.03], "idle": [0.0, 0.0], "fixed": [0.001, 0.001], "b": [-0.01, -0.03]})

    ratios = sharpe_ratios(matrix)

    assert ratios == pytest.approx([math.sqrt(2), 0, 0, -math.sqrt(2)])


def test_ratios_when_mean_is_large_beside_the_spread_then_nothing_cancels():
    returns = 1 + np.array([-1e-5, 0.0, 1e-5])

    assert sharpe_ratios(returns[:, None])[0] == pytest.approx(1e5, rel=1e-6)
