"""How sure a track record makes of a Sharpe ratio, and how long it has to be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from optarb.statistics._arguments import finite, fraction
from optarb.statistics.sharpe import SharpeEstimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["minimum_track_record", "probabilistic_sharpe_ratio"]


def probabilistic_sharpe_ratio(returns: ArrayLike | SharpeEstimate, *, benchmark: float = 0.0) -> float:
    """Computes the probability that the true Sharpe ratio lies above a benchmark, given this sample.

    It is the normal distribution function of (SR - benchmark) / standard error, where the standard error knows skewness
    and kurtosis: a Sharpe ratio earned by rare large losses is worth less.

    Source: D. Bailey and M. López de Prado, "The Sharpe ratio efficient frontier", Journal of Risk 15 (2012), equation 9.

    Args:
        returns: Simple returns a period, shape (T,), or an estimate. Returns are taken as independent.
        benchmark: Sharpe ratio **a period** to beat; divide an annual one by the square root of the periods a year.

    Returns:
        0..1.

    Raises:
        ConfigurationError: Returns or a benchmark that are not finite, too few returns, or returns that do not vary.
    """
    from scipy.special import ndtr

    estimate = _estimate(returns)
    excess = estimate.sharpe - finite(benchmark, "benchmark")
    if estimate.standard_error == 0:
        return 0.5 if excess == 0 else float(excess > 0)
    return float(ndtr(excess / estimate.standard_error))


def minimum_track_record(returns: ArrayLike | SharpeEstimate, *, benchmark: float = 0.0, confidence: float = 0.95) -> float:
    """Computes how many returns it takes until the probabilistic Sharpe ratio reaches a confidence.

    It is 1 + (1 - skewness SR + (kurtosis - 1) / 4 SR squared) x (z / (SR - benchmark)) squared, with z the normal
    quantile of the confidence. Source: as :func:`probabilistic_sharpe_ratio`, equation 13.

    Args:
        returns: Simple returns a period, shape (T,), or an estimate; its ratio and moments are taken to stay as they are.
        benchmark: Sharpe ratio **a period** to beat.
        confidence: 0..1, both excluded.

    Returns:
        Periods; infinity where the Sharpe ratio does not exceed the benchmark.

    Raises:
        ConfigurationError: As :func:`probabilistic_sharpe_ratio`, or a confidence out of range.
    """
    from scipy.special import ndtri

    estimate = _estimate(returns)
    excess = estimate.sharpe - finite(benchmark, "benchmark")
    quantile = float(ndtri(fraction(confidence, "confidence")))
    if excess <= 0:
        return math.inf
    return 1 + estimate.error_scale * (max(quantile, 0.0) / excess) ** 2


def _estimate(returns: ArrayLike | SharpeEstimate) -> SharpeEstimate:
    return returns if isinstance(returns, SharpeEstimate) else SharpeEstimate.of(returns)
