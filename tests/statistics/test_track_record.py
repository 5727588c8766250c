"""The probabilistic Sharpe ratio and the minimum track record, against the figures of the paper.

"The paper": D. Bailey and M. Lopez de Prado, "The Sharpe ratio efficient frontier" (2012).
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from optarb.errors import ConfigurationError
from optarb.statistics import SharpeEstimate, minimum_track_record, probabilistic_sharpe_ratio

# Two years of monthly returns with an annual Sharpe ratio of 1.59.
HEDGE_FUND = SharpeEstimate(sharpe=0.458, observations=24, skewness=-2.448, kurtosis=10.164)


@pytest.mark.parametrize(
    ("estimate", "published"), [(SharpeEstimate(sharpe=0.458, observations=24), 0.982), (HEDGE_FUND, 0.913)]
)
def test_probabilistic_sharpe_when_example_of_the_paper_then_published_figure(estimate, published):
    assert round(probabilistic_sharpe_ratio(estimate), 3) == published


def test_probabilistic_sharpe_when_benchmark_is_the_estimate_then_one_half():
    assert probabilistic_sharpe_ratio(HEDGE_FUND, benchmark=0.458) == pytest.approx(0.5)


def test_probabilistic_sharpe_when_returns_then_as_of_their_estimate():
    returns = np.random.default_rng(4).normal(0.001, 0.01, 500)

    assert probabilistic_sharpe_ratio(returns, benchmark=0.02) == probabilistic_sharpe_ratio(
        SharpeEstimate.of(returns), benchmark=0.02
    )


def test_probabilistic_sharpe_when_many_samples_then_says_how_often_the_truth_is_above():
    # If the truth is the benchmark, the probability is uniform: below 5 % in 5 % of samples.
    samples = np.random.default_rng(5).normal(0.1, 1.0, (2000, 250))

    below = np.mean([probabilistic_sharpe_ratio(sample, benchmark=0.1) < 0.05 for sample in samples])

    assert below == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize(("benchmark", "certain"), [(0.5, 1.0), (1.0, 0.5), (1.5, 0.0)])
def test_probabilistic_sharpe_when_the_formula_knows_no_error_then_certain(benchmark, certain):
    estimate = SharpeEstimate(sharpe=1.0, observations=10, skewness=2.0, kurtosis=5.0)

    assert probabilistic_sharpe_ratio(estimate, benchmark=benchmark) == certain


@pytest.mark.parametrize(
    ("periods", "skewness", "kurtosis", "years"),
    [(252, 0.0, 3.0, 2.73), (52, 0.0, 3.0, 2.83), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_minimum_track_record_when_annual_two_against_one_then_published_years(periods, skewness, kurtosis, years):
    estimate = SharpeEstimate(sharpe=2 / math.sqrt(periods), observations=24, skewness=skewness, kurtosis=kurtosis)

    needed = minimum_track_record(estimate, benchmark=1 / math.sqrt(periods))

    assert needed / periods == pytest.approx(years, abs=0.005)


def test_minimum_track_record_when_that_long_then_probability_is_the_confidence():
    needed = minimum_track_record(HEDGE_FUND, benchmark=0.1, confidence=0.9)
    # Observations are whole, so the probability goes past the confidence between two of them.
    before, after = (
        SharpeEstimate(sharpe=0.458, observations=n, skewness=-2.448, kurtosis=10.164)
        for n in (math.floor(needed), math.ceil(needed))
    )

    assert probabilistic_sharpe_ratio(before, benchmark=0.1) < 0.9 <= probabilistic_sharpe_ratio(after, benchmark=0.1)


def test_minimum_track_record_when_not_above_the_benchmark_then_never():
    assert minimum_track_record(HEDGE_FUND, benchmark=0.458) == math.inf


@pytest.mark.parametrize("options", [{"benchmark": math.nan}, {"confidence": 1.0}, {"confidence": 0}, {"confidence": math.nan}])
def test_minimum_track_record_when_argument_is_out_of_range_then_configuration_error(options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        minimum_track_record(HEDGE_FUND, **options)
