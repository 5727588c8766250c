"""Confidence intervals that respect the dependence of returns in time, by the stationary bootstrap."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from optarb.errors import ComponentError, ConfigurationError, MissingExtra, UnknownName
from optarb.statistics._arguments import fraction, series_of, whole
from optarb.statistics.sharpe import sharpe_ratios

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ConfidenceInterval", "bootstrap_interval"]

Statistic = Callable[["NDArray[np.float64]"], float]
"""Takes returns, shape (T,), and gives one finite number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceInterval:
    """A figure and where it lies in resampled histories."""

    estimate: float
    """The figure of the returns as they were."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""
    confidence: float
    """Share of the resampled figures between the ends, 0..1."""
    block_length: float
    """Mean length of the blocks that were drawn, in periods."""
    resamples: int
    """Histories that were drawn."""

    def __str__(self) -> str:
        return f"{self.estimate:.4g} ({100 * self.confidence:g} % between {self.low:.4g} and {self.high:.4g})"


def bootstrap_interval(
    returns: ArrayLike,
    statistic: Literal["sharpe", "mean", "max_drawdown"] | Statistic = "sharpe",
    *,
    confidence: float = 0.95,
    block_length: float | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> ConfidenceInterval:
    """Estimates a confidence interval of a figure of returns.

    Histories of the same length are put together from blocks of random length, so that calm and wild spells stay
    together; the ends are percentiles of the figure over these histories.

    Source: D. Politis and J. Romano, "The stationary bootstrap", Journal of the American Statistical Association 89 (1994);
    block length: D. Politis and H. White, Econometric Reviews 23 (2004), with the correction of A. Patton, D. Politis and
    H. White, Econometric Reviews 28 (2009). Both are computed by the package ``arch`` (extra ``stats``).

    Args:
        returns: Simple returns a period, shape (T,), ten or more.
        statistic: ``"sharpe"`` (**a period**; 0 where a resampled history does not vary), ``"mean"``, ``"max_drawdown"``
            (largest fall of the compounded returns from their running peak, a fraction, zero or more), or a function.
        confidence: 0..1, both excluded.
        block_length: Mean length in periods, 1 or more and less than T; None to estimate it from the returns.
        resamples: Histories to draw, 100 or more.
        seed: Equal seeds give equal intervals on one version of ``arch`` and numpy.

    Raises:
        ConfigurationError: Another shape, too few returns, not all finite, returns that do not vary, or an argument out of
            range.
        MissingExtra: ``arch`` is not installed.
        ComponentError: The function gave something else than a finite number.
    """
    values = series_of(returns, least=10)
    if np.ptp(values) == 0:
        raise ConfigurationError(f"returns must vary to be resampled, got {len(values)} times {float(values[0])!r}")
    measure = _measure(statistic)
    size = fraction(confidence, "confidence")
    count = whole(resamples, "resamples", least=100)
    try:
        from arch.bootstrap import StationaryBootstrap
    except ImportError as error:
        raise MissingExtra.of("arch", "stats") from error
    length = _block_length(values, block_length)
    # arch is annotated for whole block lengths and arrays of figures; a float is what its estimate of the length gives.
    drawn: Any = StationaryBootstrap(length, values, seed=whole(seed, "seed", least=0))  # type: ignore[arg-type]
    low, high = drawn.conf_int(measure, reps=count, method="percentile", size=size)[:, 0]
    return ConfidenceInterval(
        estimate=measure(values), low=float(low), high=float(high), confidence=size, block_length=length, resamples=count
    )


def _block_length(values: NDArray[np.float64], given: float | None) -> float:
    if given is not None:
        if not 1 <= given < len(values):
            raise ConfigurationError(f"block_length must be at least 1 and less than {len(values)} returns, got {given!r}")
        return float(given)
    from arch.bootstrap import optimal_block_length

    # Returns that tend to turn have an optimum below one: single periods are drawn then.
    return max(1.0, float(optimal_block_length(values)["stationary"].iloc[0]))


def _measure(statistic: str | Statistic) -> Statistic:
    if isinstance(statistic, str):
        if statistic not in _STATISTICS:
            raise UnknownName.of("statistic", statistic, _STATISTICS)
        return _STATISTICS[statistic]

    def measured(values: NDArray[np.float64]) -> float:
        figure = float(statistic(values))
        if not math.isfinite(figure):
            raise ComponentError(f"the statistic must give a finite number, got {figure!r}")
        return figure

    return measured


def _sharpe(values: NDArray[np.float64]) -> float:
    return float(sharpe_ratios(values[:, None])[0])


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean())


def _max_drawdown(values: NDArray[np.float64]) -> float:
    wealth = np.concatenate(([1.0], np.cumprod(1 + values)))
    peak = np.maximum.accumulate(wealth)
    return float(np.max((peak - wealth) / peak))


_STATISTICS: Final[Mapping[str, Statistic]] = {"sharpe": _sharpe, "mean": _mean, "max_drawdown": _max_drawdown}
