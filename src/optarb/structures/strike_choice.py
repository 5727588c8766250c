"""The fields by which structures choose an expiry and a strike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from optarb.domain.legs import NoFit

if TYPE_CHECKING:
    from optarb.structures._strip import Strip

__all__ = ["StrikeChoice", "is_number"]


@dataclass(frozen=True, kw_only=True)
class StrikeChoice:
    """An expiry by calendar days, and a strike by exactly one of price, moneyness and delta.

    Raises:
        ValueError: None or several of ``strike``, ``moneyness`` and ``delta`` given, or a value out of its range.
    """

    dte: int = 30
    """Calendar days to expiry, 1 or more. The expiry with the least |days - dte| is taken, the earlier of two; never
    one that expires today."""
    strike: Decimal | None = None
    """This strike exactly, in dollars; None to choose otherwise."""
    moneyness: float | None = None
    """Strike over the underlying's price, such as 1.0 for at the money: the nearest strike is taken, the lower of two.
    Where a chain has no price of the underlying, its forward by put-call parity at the chosen expiry stands in."""
    delta: float | None = None
    """Absolute Black-76 delta, above 0 and below 1, implied from each contract's mid: the nearest is taken, the lower
    strike of two. The forward comes from put-call parity at the strike whose call and put are closest in price."""
    rate: float = 0.0
    """Annual rate, continuous, an annual fraction, which discounts premiums where a delta or a forward is implied."""

    def __post_init__(self) -> None:
        if type(self.dte) is not int or self.dte < 1:
            msg = f"dte must be a whole number of days, 1 or more, got {self.dte!r}"
            raise ValueError(msg)
        given = {"strike": self.strike, "moneyness": self.moneyness, "delta": self.delta}
        if sum(value is not None for value in given.values()) != 1:
            msg = f"give exactly one of strike, moneyness and delta, got {given!r}"
            raise ValueError(msg)
        if self.strike is not None and not (type(self.strike) is Decimal and self.strike.is_finite() and self.strike > 0):
            msg = f"strike must be a positive Decimal of dollars, got {self.strike!r}"
            raise ValueError(msg)
        if self.moneyness is not None and not (is_number(self.moneyness) and self.moneyness > 0):
            msg = f"moneyness must be a positive number, strike over underlying, got {self.moneyness!r}"
            raise ValueError(msg)
        if self.delta is not None and not (is_number(self.delta) and 0 < self.delta < 1):
            msg = f"delta must be absolute, above 0 and below 1, for puts too; got {self.delta!r}"
            raise ValueError(msg)
        if not is_number(self.rate):
            msg = f"rate must be a finite annual fraction, got {self.rate!r}"
            raise ValueError(msg)

    def place_in(self, strip: Strip) -> int | NoFit:
        """Returns the place of the chosen strike in a strip, or why none fits."""
        if self.delta is not None:
            return strip.nearest_delta(self.delta, self.rate)
        if self.moneyness is None:
            return _exactly(strip, cast("Decimal", self.strike))  # one of the three is given
        price = strip.chain.underlying_price
        if not math.isfinite(price):
            price = strip.forward(self.rate)
        if not price > 0.0:
            return NoFit(reason=f"{strip}: neither a price of {strip.chain.symbol} nor a strike with both call and put")
        return strip.nearest(self.moneyness * price)

    def in_words(self) -> str:
        """Returns the choice as a table shows it, such as ``"30 days, delta 0.5"``."""
        if self.strike is not None:
            how = f"strike {self.strike}"
        elif self.moneyness is not None:
            how = f"moneyness {self.moneyness:g}"
        else:
            how = f"delta {self.delta:g}"
        return f"{self.dte} days, {how}"


def _exactly(strip: Strip, strike: Decimal) -> int | NoFit:
    place = strip.nearest(float(strike))
    nearest = int(strip.thousandths[place])
    if nearest != strike * 1000:
        return NoFit(reason=f"{strip}: strike {strike} is not quoted; the nearest is {nearest / 1000:g}")
    return place


def is_number(value: object) -> bool:
    """Whether a field's value is a finite int or float, and no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
