"""Black's formula of 1976 for European options on a forward, over arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["black76", "black76_delta"]


def black76(
    forward: ArrayLike,
    strike: ArrayLike,
    tau: ArrayLike,
    volatility: ArrayLike,
    discount: ArrayLike,
    *,
    call: ArrayLike,
) -> NDArray[np.float64]:
    """Prices European options. All arguments broadcast against each other.

    Source: F. Black, "The pricing of commodity contracts", Journal of Financial Economics 3 (1976).

    Args:
        forward: Forward price for the settlement date, dollars, positive.
        strike: Strike, dollars, positive.
        tau: Years to settlement. At zero or below the price is the discounted intrinsic value.
        volatility: Annual fraction, such as 0.2. At zero the price is the discounted intrinsic value.
        discount: Value today of one dollar at settlement, positive.
        call: True for calls, False for puts.

    Returns:
        Dollars per share; NaN where an argument is NaN.
    """
    from scipy.special import ndtr

    sign = np.where(call, 1.0, -1.0)
    forward, strike = np.asarray(forward, np.float64), np.asarray(strike, np.float64)
    deviation = _deviation(tau, volatility)
    d1 = _d1(forward, strike, deviation)
    price = sign * (forward * ndtr(sign * d1) - strike * ndtr(sign * (d1 - deviation)))
    # Far out of the money the two terms cancel to a negative of the order of 1e-13.
    result: NDArray[np.float64] = np.asarray(discount, np.float64) * np.maximum(price, 0.0)
    return result


def black76_delta(
    forward: ArrayLike,
    strike: ArrayLike,
    tau: ArrayLike,
    volatility: ArrayLike,
    discount: ArrayLike,
    *,
    call: ArrayLike,
) -> NDArray[np.float64]:
    """Derivative of :func:`black76` by the forward: dollars of price for a dollar of forward.

    Args:
        forward: Forward price for the settlement date, dollars, positive.
        strike: Strike, dollars, positive.
        tau: Years to settlement. At zero or below the delta is 0, half or all of the discount.
        volatility: Annual fraction.
        discount: Value today of one dollar at settlement, positive.
        call: True for calls, False for puts.

    Returns:
        0 to ``discount`` for calls, ``-discount`` to 0 for puts; NaN where an argument is NaN.
    """
    from scipy.special import ndtr

    sign = np.where(call, 1.0, -1.0)
    d1 = _d1(np.asarray(forward, np.float64), np.asarray(strike, np.float64), _deviation(tau, volatility))
    result: NDArray[np.float64] = np.asarray(discount, np.float64) * sign * ndtr(sign * d1)
    return result


def _deviation(tau: ArrayLike, volatility: ArrayLike) -> NDArray[np.float64]:
    years = np.maximum(np.asarray(tau, np.float64), 0.0)
    result: NDArray[np.float64] = np.asarray(volatility, np.float64) * np.sqrt(years)
    return result


def _d1(forward: NDArray[np.float64], strike: NDArray[np.float64], deviation: NDArray[np.float64]) -> NDArray[np.float64]:
    distance = np.log(forward / strike)
    with np.errstate(divide="ignore", invalid="ignore"):
        d1 = distance / deviation + deviation / 2
    # Without time or volatility the limit is plus or minus infinity, and 0 at the money.
    limit = np.where(distance == 0.0, 0.0, np.copysign(np.inf, distance))
    result: NDArray[np.float64] = np.where(deviation == 0.0, limit, d1)
    return result
