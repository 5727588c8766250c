"""Forwards by put-call parity."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["parity_forward"]


def parity_forward(
    strikes: NDArray[np.float64], calls: NDArray[np.float64], puts: NDArray[np.float64], discount: float
) -> float:
    """Implies the forward from the strike at which call and put cost most nearly the same.

    There ``forward = strike + (call - put) / discount``; near the money quotes are tightest, early exercise matters
    least and an error of the discount hardly shows.

    Args:
        strikes: Strikes of one expiry, dollars, shape ``(n,)``, ascending.
        calls: Call mids at those strikes, dollars per share; NaN where there is none.
        puts: Put mids at those strikes; NaN where there is none.
        discount: Value today of one dollar at settlement, positive.

    Returns:
        The forward in dollars, from the lower of two strikes that tie; NaN if no strike has both mids.
    """
    gaps = calls - puts
    distances = np.abs(gaps)
    distances[np.isnan(distances)] = math.inf
    if not len(distances):
        return math.nan
    best = int(np.argmin(distances))
    return float(strikes[best]) + float(gaps[best]) / discount
