"""Sharpe ratios a period, with what decides how far they can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optarb.errors import ConfigurationError
from optarb.statistics._arguments import finite, matrix_of, series_of, whole

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["SharpeEstimate", "sharpe_of_moments", "sharpe_ratios"]

_VARIES = 1e-12
"""Variance by mean square below which returns differ by rounding only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharpeEstimate:
    """A Sharpe ratio a period and the moments that its uncertainty depends on.

    Raises:
        ConfigurationError: A field that is not finite, fewer than two observations, or a skewness and a kurtosis that no
            distribution has together (kurtosis is at least 1 + skewness squared).
    """

    sharpe: float
    """Mean / standard deviation (ddof 1) of the returns at a risk-free rate of 0, **a period**, not annual."""
    observations: int
    """Returns it was estimated from, two or more."""
    skewness: float = 0.0
    """Third standardised moment (population form); 0 for normal returns, negative where losses are the larger surprises."""
    kurtosis: float = 3.0
    """Fourth standardised moment (population form), not in excess: 3 for normal returns."""

    def __post_init__(self) -> None:
        for name in ("sharpe", "skewness", "kurtosis"):
            finite(getattr(self, name), name)
        whole(self.observations, "observations", least=2)
        if self.kurtosis < 1 + self.skewness**2 - 1e-9:
            raise ConfigurationError(
                f"kurtosis must be at least 1 + skewness squared, got kurtosis {self.kurtosis!r} with skewness "
                f"{self.skewness!r}; pass the full kurtosis (3 for normal returns), not the excess"
            )

    @classmethod
    def of(cls, returns: ArrayLike) -> SharpeEstimate:
        """Estimates it from returns.

        Args:
            returns: Simple returns a period, shape (T,), two or more.

        Raises:
            ConfigurationError: Too few returns, not all finite, or returns that do not vary.
        """
        values = series_of(returns, least=2)
        mean = values.mean()
        spread = values - mean
        variance = float(np.mean(spread**2))
        if variance <= _VARIES * float(np.mean(values**2)):
            raise ConfigurationError(f"returns must vary to have a Sharpe ratio, got {len(values)} times {float(mean)!r}")
        return cls(
            sharpe=float(mean / values.std(ddof=1)),
            observations=len(values),
            skewness=float(np.mean(spread**3)) / variance**1.5,
            kurtosis=float(np.mean(spread**4)) / variance**2,
        )

    @property
    def standard_error(self) -> float:
        """Standard error of the Sharpe ratio: sqrt((1 - skewness SR + (kurtosis - 1) / 4 SR squared) / (T - 1)).

        Source: E. Mertens, "Comments on variance of the IID estimator in Lo (2002)", 2002, as in Bailey and López de Prado,
        "The Sharpe ratio efficient frontier", Journal of Risk 15 (2012), equation 5. Returns are taken as independent.
        """
        return math.sqrt(self.error_scale / (self.observations - 1))

    @property
    def error_scale(self) -> float:
        """Squared standard error times (T - 1): 1 - skewness SR + (kurtosis - 1) / 4 SR squared, zero or more."""
        scale = 1 - self.skewness * self.sharpe + (self.kurtosis - 1) / 4 * self.sharpe**2
        return max(scale, 0.0)


def sharpe_ratios(returns: ArrayLike) -> NDArray[np.float64]:
    """Computes the Sharpe ratio a period of each setting: mean / standard deviation (ddof 1) at a risk-free rate of 0.

    Args:
        returns: Simple returns a period, shape (T, N), a column a setting, two rows or more.

    Returns:
        Shape (N,); 0 for a setting whose returns do not vary, such as one that never traded.

    Raises:
        ConfigurationError: Another shape, too few rows, or not all finite.
    """
    matrix = matrix_of(returns, least=2)
    shift = matrix.mean(axis=0)
    centred = matrix - shift
    return sharpe_of_moments(len(matrix), centred.sum(axis=0), (centred**2).sum(axis=0), shift)


def sharpe_of_moments(
    rows: int, sums: NDArray[np.float64], squares: NDArray[np.float64], shift: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Computes Sharpe ratios from sums over returns that were shifted, so that nothing cancels.

    Args:
        rows: Returns in each sum, two or more.
        sums: Sums of (return - shift), shape (..., N).
        squares: Sums of (return - shift) squared, shape (..., N).
        shift: What was taken from each return, shape (N,).

    Returns:
        Shape (..., N); 0 where returns do not vary.
    """
    mean = sums / rows
    spread = squares - rows * mean * mean
    mean += shift
    varies = spread > _VARIES * (spread + rows * mean * mean)
    deviation = np.sqrt(np.where(varies, spread, 1.0) / (rows - 1))
    ratios: NDArray[np.float64] = np.where(varies, mean, 0.0) / deviation
    return ratios
