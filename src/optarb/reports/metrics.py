"""Figures of an equity curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Drawdown", "drawdown", "sharpe"]

_SESSIONS_A_YEAR = 252


class Drawdown(NamedTuple):
    """The largest fall of an equity curve from its running peak."""

    fraction: float
    """Of the peak, zero or more."""
    usd: float
    """In dollars, zero or more; it may be at another place than the fraction."""


def drawdown(equity: Sequence[float]) -> Drawdown:
    """Measures the largest fall from the running peak.

    Args:
        equity: Marked equity in dollars, one a session, beginning with the capital.

    Returns:
        Zero for both if the curve never falls or is empty.
    """
    peak, fraction, usd = -math.inf, 0.0, 0.0
    for value in equity:
        peak = max(peak, value)
        usd = max(usd, peak - value)
        if peak > 0:
            fraction = max(fraction, (peak - value) / peak)
    return Drawdown(fraction, usd)


def sharpe(equity: Sequence[float]) -> float | None:
    """Computes the annual Sharpe ratio of daily returns: mean / standard deviation (ddof 1) x sqrt(252), risk-free rate 0.

    Args:
        equity: Marked equity in dollars, one a session, beginning with the capital.

    Returns:
        None for fewer than two returns, if the returns do not vary, or if the equity is ever zero or below before its end.
    """
    if len(equity) < 3 or min(equity[:-1]) <= 0:
        return None
    returns = [after / before - 1.0 for before, after in zip(equity, equity[1:], strict=False)]
    mean = math.fsum(returns) / len(returns)
    variance = math.fsum((value - mean) ** 2 for value in returns) / (len(returns) - 1)
    if variance == 0.0:
        return None
    return mean / math.sqrt(variance) * math.sqrt(_SESSIONS_A_YEAR)
