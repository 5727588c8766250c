"""What remains of a Sharpe ratio that was picked as the best of many."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from optarb.errors import ConfigurationError
from optarb.statistics._arguments import finite, whole
from optarb.statistics.track_record import probabilistic_sharpe_ratio

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from optarb.statistics.sharpe import SharpeEstimate

__all__ = ["deflated_sharpe_ratio", "expected_maximum_sharpe"]


def expected_maximum_sharpe(*, trials: int, variance: float) -> float:
    """Estimates the best Sharpe ratio that independent trials without any skill show.

    It is sqrt(variance) x ((1 - g) Z(1 - 1/N) + g Z(1 - 1/(N e))), with g the Euler-Mascheroni constant and Z the normal
    quantile. Source: D. Bailey and M. López de Prado, "The deflated Sharpe ratio", Journal of Portfolio Management 40
    (2014), equation 1.

    Args:
        trials: Independent trials N, one or more; correlated ones count for less than their number.
        variance: Variance of the trials' Sharpe ratios **a period**, zero or more; divide the variance of annual ones by the
            periods a year.

    Returns:
        A Sharpe ratio a period; 0 for one trial, which was not picked.

    Raises:
        ConfigurationError: No trials, or a variance that is negative or not finite.
    """
    from scipy.special import ndtri

    count = whole(trials, "trials", least=1)
    if finite(variance, "variance") < 0:
        raise ConfigurationError(f"variance must be zero or more, got {variance!r}")
    if count == 1:
        return 0.0
    first, second = ndtri(1 - 1 / count), ndtri(1 - 1 / (count * math.e))
    return math.sqrt(variance) * float((1 - np.euler_gamma) * first + np.euler_gamma * second)


def deflated_sharpe_ratio(returns: ArrayLike | SharpeEstimate, *, trials: int, variance: float) -> float:
    """Computes the probability that the Sharpe ratio of the best of several trials is more than luck.

    It is the probabilistic Sharpe ratio against :func:`expected_maximum_sharpe`. Source: as there, equation 2.

    Args:
        returns: Simple returns a period of the trial that was picked, shape (T,), or an estimate.
        trials: Independent trials it was picked from: all that were tried, not only those that were kept.
        variance: Variance of the trials' Sharpe ratios **a period**: ``sharpe_ratios(matrix).var(ddof=1)``.

    Returns:
        0..1.

    Raises:
        ConfigurationError: As :func:`~optarb.statistics.track_record.probabilistic_sharpe_ratio` and
            :func:`expected_maximum_sharpe`.
    """
    return probabilistic_sharpe_ratio(returns, benchmark=expected_maximum_sharpe(trials=trials, variance=variance))
