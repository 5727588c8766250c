"""Implied volatility of Black-76 over arrays, with a reason wherever there is none."""

from __future__ import annotations

import math
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ImpliedVolatility", "VolatilityReason", "implied_volatility"]

_MAX_ROUNDS = 64
_LAST_STEP = 2e-4  # steps converge cubically: after one this small the error is of the order of 1e-12
_HIGHEST_DEVIATION = 32.0
_SQRT_HALF = math.sqrt(0.5)
_SQRT_TWO_PI = math.sqrt(2 * math.pi)


class VolatilityReason(IntEnum):
    """Why an option has no implied volatility."""

    FOUND = 0
    """It has one."""
    NOT_USABLE = 1
    """An argument is NaN, infinite, or not positive where it must be."""
    EXPIRED = 2
    """No time is left to settlement."""
    NO_TIME_VALUE = 3
    """The price is at or below the discounted intrinsic value."""
    ABOVE_MAXIMUM = 4
    """The price is at or above the discounted forward of a call, or the discounted strike of a put."""


class ImpliedVolatility(NamedTuple):
    """Implied volatilities and why some are absent, in the shape of the broadcast arguments."""

    volatility: NDArray[np.float64]
    """Annual fraction; NaN where there is none."""
    reason: NDArray[np.int8]
    """A :class:`VolatilityReason` each."""


def implied_volatility(
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    tau: ArrayLike,
    discount: ArrayLike,
    *,
    call: ArrayLike,
) -> ImpliedVolatility:
    """Finds the volatility at which :func:`~optarb.pricing.black76` gives the price. All arguments broadcast.

    The price is turned into that of the out-of-the-money option of the same strike, scaled by the discount and the
    geometric mean of forward and strike, and solved for the standard deviation over the option's life: from the
    deviation of the normal model by Halley's steps on the logarithm of the price, inside a bracket that halves where a
    step leaves it. Scaling after P. Jaeckel, "Let's be rational", Wilmott 2015.

    Args:
        price: Dollars per share.
        forward: Forward price for the settlement date, dollars.
        strike: Strike, dollars.
        tau: Years to settlement.
        discount: Value today of one dollar at settlement.
        call: True for calls, False for puts.

    Returns:
        The volatilities, with a relative error of about 1e-11 where the price carries so much, and the reasons.
    """
    raw = (price, forward, strike, tau, discount)
    arrays = np.broadcast_arrays(*(np.asarray(item, np.float64) for item in raw), np.asarray(call, np.bool_))
    prices, forwards, strikes, years, discounts, calls = (array.ravel() for array in arrays)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        intrinsic = np.maximum(np.where(calls, forwards - strikes, strikes - forwards), 0.0)
        scaled = (prices / discounts - intrinsic) / np.sqrt(forwards * strikes)
        distance = np.abs(np.log(forwards / strikes))
        # One rounding below the bound itself, which no finite volatility reaches.
        ceiling = np.exp(-distance / 2) * (1 - 1e-15)
        finite = np.isfinite(scaled + distance + years) & (discounts > 0.0) & (forwards > 0.0)
    good = finite & (years > 0.0) & (scaled > 0.0) & (scaled < ceiling)
    reason = np.zeros(prices.shape, np.int8)
    volatility = np.full(prices.shape, np.nan)
    if good.all():
        volatility = _deviation(scaled, distance) / np.sqrt(years)
    else:
        reason = np.select(
            [good, ~finite, years <= 0.0, scaled <= 0.0],
            [
                VolatilityReason.FOUND,
                VolatilityReason.NOT_USABLE,
                VolatilityReason.EXPIRED,
                VolatilityReason.NO_TIME_VALUE,
            ],
            VolatilityReason.ABOVE_MAXIMUM,
        ).astype(np.int8)
        volatility[good] = _deviation(scaled[good], distance[good]) / np.sqrt(years[good])
    shape = arrays[0].shape
    return ImpliedVolatility(volatility.reshape(shape), reason.reshape(shape))


def _deviation(target: NDArray[np.float64], distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solves scaled prices of out-of-the-money options for the standard deviation over the option's life.

    Args:
        target: Undiscounted price over the geometric mean of forward and strike, above 0 and below its supremum,
            ``exp(-distance / 2)``.
        distance: |ln(forward / strike)|.
    """
    log_target = np.log(target)
    guess = _first_guess(target, distance)
    low, high = np.zeros_like(target), np.full_like(target, _HIGHEST_DEVIATION)
    for _ in range(_MAX_ROUNDS):
        value = _scaled_price(guess, distance)
        step = _halley_step(guess, distance, value, log_target)
        too_high = value > target
        high = np.where(too_high, guess, high)
        low = np.where(too_high, low, guess)
        proposal = guess + step
        inside = (proposal > low) & (proposal < high)  # False for NaN too
        settled = np.abs(step) <= _LAST_STEP * guess
        guess = np.where(inside, proposal, np.where(settled, guess, (low + high) / 2))
        if settled.all():
            break
    return guess


@lru_cache(maxsize=1)
def _normal_model() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns ln(price / distance) in Bachelier's normal model, ascending, and ln(distance / deviation) for it."""
    from scipy.special import erfcx

    log_ratio = np.linspace(math.log(1e-3), math.log(40.0), 1024)
    ratio = np.exp(log_ratio)
    tail = 1 / ratio - math.sqrt(math.pi / 2) * erfcx(ratio * _SQRT_HALF)
    log_price = np.log(tail / _SQRT_TWO_PI) - ratio**2 / 2
    return log_price[::-1], log_ratio[::-1]


def _first_guess(target: NDArray[np.float64], distance: NDArray[np.float64]) -> NDArray[np.float64]:
    # The normal model is close for small distances, and its price depends on one number. Nearer to the money than the
    # table begins, the price is deviation / sqrt(2 pi), which is never above the deviation elsewhere.
    with np.errstate(divide="ignore"):
        log_ratio = np.interp(np.log(target / distance), *_normal_model())
    result: NDArray[np.float64] = np.maximum(distance * np.exp(-log_ratio), target * _SQRT_TWO_PI)
    return result


def _halley_step(
    guess: NDArray[np.float64],
    distance: NDArray[np.float64],
    value: NDArray[np.float64],
    log_target: NDArray[np.float64],
) -> NDArray[np.float64]:
    # On the logarithm of the price, which is far from flat in the tail where the price itself is.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        h = distance / guess
        vega = np.exp(-0.5 * (h * h + guess * guess / 4)) / _SQRT_TWO_PI
        slope = vega / value
        newton = (log_target - np.log(value)) / slope
        # The derivative of ln(vega), less that of ln(price).
        bend = h * h / guess - guess / 4 - slope
        result: NDArray[np.float64] = newton / np.maximum(1 + 0.5 * newton * bend, 0.5)
    return result


def _scaled_price(deviation: NDArray[np.float64], distance: NDArray[np.float64]) -> NDArray[np.float64]:
    # Scaled complementary error functions keep the digits that a difference of two tail probabilities would lose.
    from scipy.special import erfcx

    h, t = distance / deviation, deviation / 2
    tails = erfcx((h - t) * _SQRT_HALF) - erfcx((h + t) * _SQRT_HALF)
    result: NDArray[np.float64] = 0.5 * np.exp(-0.5 * (h * h + t * t)) * tails
    return result
