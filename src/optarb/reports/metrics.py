"""Figures of an equity curve."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Drawdown", "drawdown", "sharpe"]

_SESSIONS_A_YEAR = 252
_ROUNDING = 4 * sys.float_info.epsilon


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
    """Computes the annual Sharpe ratio of daily returns at a risk-free rate of 0.

    It is mean / standard deviation (ddof 1) x sqrt(252).

    Args:
        equity: Marked equity in dollars, one a session, beginning with the capital.

    Returns:
        None for fewer than two returns, if the returns do not vary by more than rounding, or if the equity is ever zero
        or below before its end.
    """
    if len(equity) < 3 or min(equity[:-1]) <= 0:
        return None
    returns = [after / before - 1.0 for before, after in itertools.pairwise(equity)]
    mean = math.fsum(returns) / len(returns)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in returns) / (len(returns) - 1))
    # Equal returns come out of floats a few units in the last place of 1 apart; dividing by that would give nonsense.
    if deviation <= _ROUNDING:
        return None
    return mean / deviation * math.sqrt(_SESSIONS_A_YEAR)
