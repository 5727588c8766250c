"""Implied volatility of Black-76 over arrays, with a reason wherever there is none."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ImpliedVolatility", "VolatilityReason", "implied_volatility"]

_MAX_ROUNDS = 64
_TOLERANCE = 1e-13
_HIGHEST_DEVIATION = 16.0
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

    The price is turned into that of the out-of-the-money option of the same strike, scaled by ``discount * sqrt(forward *
    strike)``, and solved for the standard deviation over the option's life: from the inflection point by Newton steps, on
    the price above it and on the inverse logarithm of the price below it, inside a bracket that halves where a step leaves
    it. Transformations after P. Jaeckel, "Let's be rational", Wilmott 2015.

    Args:
        price: Dollars per share.
        forward: Forward price for the settlement date, dollars.
        strike: Strike, dollars.
        tau: Years to settlement.
        discount: Value today of one dollar at settlement.
        call: True for calls, False for puts.

    Returns:
        The volatilities, relative error about 1e-10 where the price carries so much, and the reasons.
    """
    raw = (price, forward, strike, tau, discount)
    arrays = np.broadcast_arrays(*(np.asarray(item, np.float64) for item in raw), np.asarray(call, np.bool_))
    prices, forwards, strikes, years, discounts, calls = (array.ravel() for array in arrays)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        signed = np.where(calls, forwards - strikes, strikes - forwards)
        undiscounted = prices / discounts
        time_value = undiscounted - np.maximum(signed, 0.0)
        scaled = time_value / np.sqrt(forwards * strikes)
        distance = np.abs(np.log(forwards / strikes))
        ceiling = np.exp(-distance / 2)
    finite = np.isfinite(scaled) & np.isfinite(distance) & np.isfinite(years) & (discounts > 0) & (forwards > 0)
    reason = np.select(
        [~finite, years <= 0, scaled <= 0, scaled >= ceiling * (1 - 1e-15)],
        [
            VolatilityReason.NOT_USABLE,
            VolatilityReason.EXPIRED,
            VolatilityReason.NO_TIME_VALUE,
            VolatilityReason.ABOVE_MAXIMUM,
        ],
        VolatilityReason.FOUND,
    ).astype(np.int8)
    volatility = np.full(prices.shape, np.nan)
    good = np.flatnonzero(reason == VolatilityReason.FOUND)
    if len(good):
        volatility[good] = _deviation(scaled[good], distance[good]) / np.sqrt(years[good])
    shape = arrays[0].shape
    return ImpliedVolatility(volatility.reshape(shape), reason.reshape(shape))


def _deviation(target: NDArray[np.float64], distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solves the scaled price of an out-of-the-money option for its standard deviation.

    Args:
        target: Price over ``discount * sqrt(forward * strike)``, above 0 and below ``exp(-distance / 2)``.
        distance: |ln(forward / strike)|.
    """
    inflection = np.sqrt(2 * distance)
    low, high = np.zeros_like(target), np.full_like(target, _HIGHEST_DEVIATION)
    # At the money the inflection is 0; there the price is close to deviation / sqrt(2 pi).
    guess = np.maximum(inflection, target * _SQRT_TWO_PI)
    below = (distance > 0.0) & (target < _scaled_price(np.maximum(inflection, 1e-300), distance))
    guess = np.where(below, inflection, guess)
    for _ in range(_MAX_ROUNDS):
        value = _scaled_price(guess, distance)
        vega = np.exp(-0.5 * ((distance / guess) ** 2 + guess * guess / 4)) / _SQRT_TWO_PI
        too_high = value > target
        high = np.where(too_high, guess, high)
        low = np.where(too_high, low, guess)
        step = _newton_step(value, vega, target, below)
        proposal = guess + step
        inside = (proposal > low) & (proposal < high)  # False for NaN too
        settled = (np.abs(step) <= _TOLERANCE * guess) | (value == target)
        proposal = np.where(settled, guess, np.where(inside, proposal, (low + high) / 2))
        if settled.all() or (np.abs(proposal - guess) <= _TOLERANCE * guess).all():
            return proposal
        guess = proposal
    return guess


def _newton_step(
    value: NDArray[np.float64], vega: NDArray[np.float64], target: NDArray[np.float64], below: NDArray[np.bool_]
) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        plain = (target - value) / vega
        # 1 / ln(price) is nearly linear in the deviation below the inflection, where the price itself is nearly flat.
        log_value, log_target = np.log(value), np.log(target)
        inverse = value * log_value * (log_target - log_value) / (log_target * vega)
    result: NDArray[np.float64] = np.where(below, inverse, plain)
    return result


def _scaled_price(deviation: NDArray[np.float64], distance: NDArray[np.float64]) -> NDArray[np.float64]:
    # Scaled complementary error functions keep the digits that a difference of two tail probabilities would lose.
    from scipy.special import erfcx

    h, t = distance / deviation, deviation / 2
    tails = erfcx((h - t) * _SQRT_HALF) - erfcx((h + t) * _SQRT_HALF)
    result: NDArray[np.float64] = 0.5 * np.exp(-0.5 * (h * h + t * t)) * tails
    return result
