"""The fields by which structures choose a strike."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from optarb.domain.legs import NoFit
from optarb.structures._checks import is_number, require_one
from optarb.structures.expiry_choice import ExpiryChoice

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from optarb.structures._strip import Strip

__all__ = ["StrikeChoice"]


@dataclass(frozen=True, kw_only=True)
class StrikeChoice(ExpiryChoice):
    """An expiry by calendar days, and a strike by exactly one of price, moneyness and delta.

    Raises:
        ValueError: None or several of ``strike``, ``moneyness`` and ``delta`` given, or a value out of its range.
    """

    strike: Decimal | None = None
    """This strike exactly, in dollars; None to choose otherwise."""
    moneyness: float | None = None
    """Strike over the underlying's price, such as 1.0 for at the money: the nearest strike is taken, the lower of two.
    Where a chain has no price of the underlying, its forward by put-call parity at the chosen expiry stands in."""
    delta: float | None = None
    """Absolute Black-76 delta, above 0 and below 1, implied from each contract's mid: the nearest is taken, the lower
    strike of two. The forward comes from put-call parity at the strike whose call and put are closest in price."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_one({"strike": self.strike, "moneyness": self.moneyness, "delta": self.delta})
        if self.strike is not None and not (type(self.strike) is Decimal and self.strike.is_finite() and self.strike > 0):
            msg = f"strike must be a positive Decimal of dollars, got {self.strike!r}"
            raise ValueError(msg)
        if self.moneyness is not None and not (is_number(self.moneyness) and self.moneyness > 0):
            msg = f"moneyness must be a positive number, strike over underlying, got {self.moneyness!r}"
            raise ValueError(msg)
        if self.delta is not None and not (is_number(self.delta) and 0 < self.delta < 1):
            msg = f"delta must be absolute, above 0 and below 1, for puts too; got {self.delta!r}"
            raise ValueError(msg)

    def place_in(self, strip: Strip, among: NDArray[np.intp] | None = None) -> int | NoFit:
        """Returns the place of the chosen strike in a strip, or why none fits.

        Args:
            strip: Where to look.
            among: Places that may be chosen, ascending, at least one; None for all. A strike asked for by its price is
                taken wherever it stands.
        """
        if self.delta is not None:
            return strip.nearest_delta(self.delta, self.rate, among)
        if self.moneyness is None:
            return strip.place_of(cast("Decimal", self.strike))  # one of the three is given
        price = strip.underlying_price(self.rate)
        return price if isinstance(price, NoFit) else strip.nearest(self.moneyness * price, among)

    def in_words(self) -> str:
        """Returns the choice as a table shows it, such as ``"30 days, delta 0.5"``."""
        if self.strike is not None:
            how = f"strike {self.strike}"
        elif self.moneyness is not None:
            how = f"moneyness {self.moneyness:g}"
        else:
            how = f"delta {self.delta:g}"
        return f"{self.dte} days, {how}"
