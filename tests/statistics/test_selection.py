"""The deflated Sharpe ratio, against the worked example of its paper.

"The paper": D. Bailey and M. Lopez de Prado, "The deflated Sharpe ratio" (2014): an annual Sharpe ratio of 2.5 over five years
of 250 daily returns, skewness -3, kurtosis 10, and a variance of 1/2 among the trials' annual ratios.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from optarb.errors import ConfigurationError
from optarb.statistics import SharpeEstimate, deflated_sharpe_ratio, expected_maximum_sharpe, probabilistic_sharpe_ratio

PICKED = SharpeEstimate(sharpe=2.5 / math.sqrt(250), observations=1250, skewness=-3, kurtosis=10)
VARIANCE = 0.5 / 250


def test_expected_maximum_when_example_of_the_paper_then_published_figure():
    assert round(expected_maximum_sharpe(trials=100, variance=VARIANCE), 4) == 0.1132


@pytest.mark.parametrize(("trials", "published"), [(100, 0.9004), (46, 0.9505)])
def test_deflated_sharpe_when_example_of_the_paper_then_published_figure(trials, published):
    assert round(deflated_sharpe_ratio(PICKED, trials=trials, variance=VARIANCE), 4) == published


@pytest.mark.parametrize("trials", [2, 10, 1000])
def test_expected_maximum_when_simulated_then_agrees(trials):
    best = np.random.default_rng(6).normal(0, 0.3, (4000, trials)).max(axis=1).mean()

    # An approximation for many trials: 8 % low at two.
    assert expected_maximum_sharpe(trials=trials, variance=0.09) == pytest.approx(best, rel=0.12 if trials == 2 else 0.03)


def test_deflated_sharpe_when_one_trial_then_the_probabilistic_one():
    assert deflated_sharpe_ratio(PICKED, trials=1, variance=VARIANCE) == probabilistic_sharpe_ratio(PICKED)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": 0}, "trials must be a whole number of at least 1, got 0"),
        ({"trials": 2.5}, "trials must be a whole number"),
        ({"trials": True}, "trials must be a whole number"),
        ({"variance": -0.1}, "variance must be zero or more, got -0.1"),
        ({"variance": math.nan}, "variance must be a finite number"),
    ],
)
def test_deflated_sharpe_when_argument_is_out_of_range_then_configuration_error(options, message):
    with pytest.raises(ConfigurationError, match=message):
        deflated_sharpe_ratio(PICKED, **{"trials": 10, "variance": VARIANCE, **options})
