"""American options on a stock that pays dividends of known size on known days, on a trinomial lattice over arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from optarb.pricing.black import black76

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["DividendModel", "Payments", "american_value", "american_volatility", "call_exercise_gain"]

DividendModel = Literal["spot", "escrowed"]
"""What diffuses between dividends. ``spot``: the stock itself, which falls by each dividend on its ex-date. ``escrowed``: the
stock less the present value of the dividends to come. For the same volatility the two are about 0.02 a share apart at 60 days
and 0.4 to 0.6 at two years."""

Payments = Sequence[tuple[float, float]]
"""Dividends: years until the ex-date, more than 0 and ascending, and dollars a share, each. Those at or after expiry are left
out."""

_DEVIATIONS = 7.0
_LOWEST, _HIGHEST = 1e-3, 5.0
_HALVINGS = 24


def american_value(
    spot: ArrayLike,
    strike: ArrayLike,
    tau: float,
    volatility: ArrayLike,
    rate: float,
    *,
    call: ArrayLike,
    dividends: Payments = (),
    model: DividendModel = "spot",
    steps: int = 512,
) -> NDArray[np.float64]:
    """Values American options of one expiry. Spot, strike, volatility and ``call`` broadcast.

    A trinomial lattice of the discounted price whose steps meet the ex-dates, with Black's formula in place of the last
    step (M. Broadie and J. Detemple, "American option valuation", Review of Financial Studies 9, 1996). At an ex-date of the
    spot model the values are interpolated by cubics. For a spot of 400 and volatilities from 0.1 to 0.5 the error of 512
    steps is below 0.005 up to a year, and below 0.05 at two years, where it is largest for puts that are nearly exercised.

    Args:
        spot: Price of the stock with the next dividend, dollars, positive.
        strike: Strike, dollars, positive.
        tau: Years to expiry. At zero or below the value is the intrinsic one.
        volatility: Annual fraction, 0.001 or more; see :data:`DividendModel` for of what.
        rate: Annual, continuously compounded.
        call: True for calls, False for puts.
        dividends: See :data:`Payments`. The stock falls to no less than nothing.
        model: See :data:`DividendModel`.
        steps: Steps in time, 1 or more; the time it takes grows with their power of 1.5.

    Returns:
        Dollars a share, never below the intrinsic value; NaN where an argument is NaN.

    Raises:
        ValueError: A volatility below 0.001, dividends that do not ascend in time or are negative, or, in the escrowed model,
            worth more than the stock.
    """
    raw = np.broadcast_arrays(*(np.asarray(one, np.float64) for one in (spot, strike, volatility)), np.asarray(call, np.bool_))
    due = _due(dividends, tau)
    known = np.isfinite(raw[0] + raw[1] + raw[2])
    if (raw[2][known] < _LOWEST).any():
        raise ValueError(f"volatility must be {_LOWEST} or more, got {float(raw[2][known].min())!r}")
    result = np.full(known.shape, np.nan)
    spots, strikes, volatilities, calls = (one[known].reshape(-1, 1) for one in raw)
    signs = np.where(calls, 1.0, -1.0)
    intrinsic = np.maximum(signs * (spots - strikes), 0.0)[:, 0]
    if tau > 0.0 and len(spots):
        escrowed = model == "escrowed"
        lattice = _Lattice(strikes, signs, volatilities, tau=tau, rate=rate, due=due, escrowed=escrowed, steps=steps)
        result[known] = np.maximum(lattice.value(spots), intrinsic)
    else:
        result[known] = intrinsic
    return result


def american_volatility(
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    tau: float,
    rate: float,
    *,
    call: ArrayLike,
    dividends: Payments = (),
    model: DividendModel = "spot",
    steps: int = 512,
) -> NDArray[np.float64]:
    """Finds the volatility at which :func:`american_value` gives the price, by halving between 0.001 and 5, to 1e-6.

    Args:
        price: Dollars a share.
        spot: As for :func:`american_value`.
        strike: As there.
        tau: As there.
        rate: As there.
        call: As there.
        dividends: As there.
        model: As there.
        steps: As there.

    Returns:
        Annual fractions; NaN where no volatility in that range gives the price, such as for a price without time value.

    Raises:
        ValueError: As for :func:`american_value`.
    """
    arrays = np.broadcast_arrays(*(np.asarray(one, np.float64) for one in (price, spot, strike)), np.asarray(call, np.bool_))
    prices, spots, strikes, calls = arrays

    def value(volatility: Floats) -> Floats:
        return american_value(spots, strikes, tau, volatility, rate, call=calls, dividends=dividends, model=model, steps=steps)

    low, high = np.full(prices.shape, _LOWEST), np.full(prices.shape, _HIGHEST)
    found = (value(low) < prices) & (prices < value(high))
    for _ in range(_HALVINGS if found.any() else 0):
        middle = (low + high) / 2
        above = value(middle) > prices
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    result: Floats = np.where(found, (low + high) / 2, np.nan)
    return result


def call_exercise_gain(
    spot: ArrayLike,
    strike: ArrayLike,
    tau: float,
    volatility: ArrayLike,
    rate: float,
    *,
    dividend: float,
    later: Payments = (),
    model: DividendModel = "spot",
) -> NDArray[np.float64]:
    """What exercising a call on the eve of an ex-date brings over keeping it: intrinsic value less value just after the date.

    Positive: the holder gains by exercising, and a short call must be expected to be assigned. Zero is a tie: it is kept. For
    the last dividend before expiry the sign is that of ``dividend - strike (1 - exp(-rate tau)) - put``, with the value of the
    European put of the same strike just after the date; with more dividends to come that formula is wrong. The comparison of
    the dividend with the call's own time value is wrong always.

    Args:
        spot: Price of the stock with the dividend, dollars.
        strike: Strike, dollars.
        tau: Years from the ex-date to expiry.
        volatility: Annual fraction, 0.001 or more.
        rate: Annual, continuously compounded.
        dividend: Dollars a share, paid to who holds the stock now.
        later: Dividends after it, years from the ex-date; see :data:`Payments`.
        model: See :data:`DividendModel`.

    Returns:
        Dollars a share, in the shape of the broadcast arguments.

    Raises:
        ValueError: As for :func:`american_value`.
    """
    spots, strikes = np.asarray(spot, np.float64), np.asarray(strike, np.float64)
    kept = american_value(spots - dividend, strikes, tau, volatility, rate, call=True, dividends=later, model=model)
    gain: Floats = spots - strikes - kept
    return gain


def _due(dividends: Payments, tau: float) -> list[tuple[float, float]]:
    """The dividends before expiry, checked."""
    times = [0.0, *(years for years, _ in dividends)]
    if not all(before < after for before, after in pairwise(times)):
        raise ValueError(f"dividends must lie ahead, in ascending order of time, got {list(dividends)!r}")
    if not all(0.0 <= amount < math.inf for _, amount in dividends):
        raise ValueError(f"dividends must be zero or more dollars a share, got {list(dividends)!r}")
    return [(years, amount) for years, amount in dividends if years < tau and amount]


@dataclass(frozen=True, kw_only=True)
class _Section:
    """A stretch of time without dividends inside."""

    begins: float
    ends: float
    steps: int

    @property
    def dt(self) -> float:
        return (self.ends - self.begins) / self.steps


class _Lattice:
    """Discounted values on nodes that are evenly spaced in the logarithm of the discounted price: contracts by nodes.

    The discounted price has no drift, so that nothing depends on the rate but what exercise pays.
    """

    def __init__(
        self,
        strikes: Floats,
        signs: Floats,
        volatilities: Floats,
        *,
        tau: float,
        rate: float,
        due: list[tuple[float, float]],
        escrowed: bool,
        steps: int,
    ) -> None:
        """Lays the sections; arrays have the shape (contracts, 1)."""
        self._strikes, self._signs, self._volatilities = strikes, signs, volatilities
        self._tau, self._rate, self._escrowed = tau, rate, escrowed
        self._paid = [(years, amount * math.exp(-rate * years)) for years, amount in due]
        marks = [0.0, *(years for years, _ in due), tau]
        self._sections = [
            _Section(begins=first, ends=last, steps=math.ceil(steps * (last - first) / tau)) for first, last in pairwise(marks)
        ]
        self._dx = volatilities * math.sqrt(3 * max(section.dt for section in self._sections))

    def value(self, spots: Floats) -> Floats:
        """Returns the values at the spots, of shape (contracts,)."""
        total = sum(amount for _, amount in self._paid)
        if (spots <= total).any() and self._escrowed:
            raise ValueError(f"dividends worth {total} do not fit into a stock at {float(np.min(spots))!r}")
        center, prices = self._nodes(spots - total if self._escrowed else spots, total)
        last = self._sections[-1]
        values = self._smoothed(prices, last)
        for number in reversed(range(len(self._sections))):
            section = self._sections[number]
            values = self._rolled_back(values, prices, section, done=1 if section is last else 0)
            if number:
                values = self._before_dividend(values, prices, *self._paid[number - 1])
        result: Floats = values[:, center]
        return result

    def _nodes(self, middles: Floats, total: float) -> tuple[int, Floats]:
        """The index of the middle node, and the discounted prices: seven deviations to each side, and room for dividends."""
        reach = _DEVIATIONS * self._volatilities * math.sqrt(self._tau)
        down = reach + (0.0 if self._escrowed else np.log(middles / np.maximum(middles - total, middles * 0.001)))
        below, above = (int(np.max(np.ceil(one / self._dx))) + 3 for one in (down, reach))
        return below, middles * np.exp(np.arange(-below, above + 1) * self._dx)

    def _exercised(self, prices: Floats, at: float, *, before: bool = False) -> Floats:
        """Discounted cash of exercise at an instant; in the escrowed model the stock carries the dividends that are to come."""
        ahead = 0.0
        if self._escrowed:
            ahead = sum(amount for years, amount in self._paid if years > at or (before and years == at))
        return self._signs * (prices + ahead - self._strikes * math.exp(-self._rate * at))

    def _smoothed(self, prices: Floats, last: _Section) -> Floats:
        """The values one step before expiry, by Black's formula, which has no kink at the strike."""
        kept = black76(
            prices,
            self._strikes * math.exp(-self._rate * self._tau),
            last.dt,
            self._volatilities,
            1.0,
            call=self._signs > 0.0,
        )
        return np.maximum(kept, self._exercised(prices, last.ends - last.dt))

    def _rolled_back(self, values: Floats, prices: Floats, section: _Section, *, done: int) -> Floats:
        variance = self._volatilities**2 * section.dt
        moves = (variance + variance**2 / 4) / self._dx**2
        # These weights keep the expected price where it is, exactly.
        up = moves / (1 + np.exp(self._dx))
        down = moves - up
        for step in range(done + 1, section.steps + 1):
            inner = up * values[:, 2:] + (1 - moves) * values[:, 1:-1] + down * values[:, :-2]
            # The edges lie seven deviations away: what stands there does not matter.
            values = np.concatenate([values[:, :1], inner, values[:, -1:]], axis=1)
            at = section.begins if step == section.steps else section.ends - step * section.dt
            values = np.maximum(values, self._exercised(prices, at))
        return values

    def _before_dividend(self, values: Floats, prices: Floats, at: float, amount: float) -> Floats:
        if not self._escrowed:
            values = self._shifted(values, prices, amount)
        return np.maximum(values, self._exercised(prices, at, before=True))

    def _shifted(self, values: Floats, prices: Floats, amount: float) -> Floats:
        """The values at the prices less an amount, by cubics through the four nodes around each."""
        fallen = np.maximum(prices - amount, prices[:, :1])
        places = np.log(fallen / prices[:, :1]) / self._dx
        first = np.clip(np.floor(places).astype(np.int64) - 1, 0, prices.shape[1] - 4)
        t = places - first
        weights = (
            -(t - 1) * (t - 2) * (t - 3) / 6,
            t * (t - 2) * (t - 3) / 2,
            -t * (t - 1) * (t - 3) / 2,
            t * (t - 1) * (t - 2) / 6,
        )
        parts = (weight * np.take_along_axis(values, first + offset, axis=1) for offset, weight in enumerate(weights))
        total: Floats = np.sum(list(parts), axis=0)
        return total
