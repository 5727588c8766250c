"""The fields by which structures choose how far away a wing is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optarb.domain.legs import NoFit
from optarb.structures._checks import is_number, require_one, require_whole
from optarb.structures._strip import legs_of
from optarb.structures.expiry_choice import ExpiryChoice

if TYPE_CHECKING:
    from decimal import Decimal

    from optarb.domain.legs import Leg
    from optarb.structures._strip import Strip

__all__ = ["WingChoice"]


@dataclass(frozen=True, kw_only=True)
class WingChoice(ExpiryChoice):
    """How far a wing is from the strike it belongs to, by exactly one of dollars, strikes and delta.

    A wing never stands on the strike it belongs to nor on its other side. Two wings are chosen each for itself: where
    strikes are not evenly spaced, their distances may differ, and the maximum loss is that of the legs as they are.

    Raises:
        ValueError: None or several of ``width``, ``width_strikes`` and ``wing_delta`` given, or a value out of its range.
    """

    width: float | None = None
    """Distance in dollars, positive: the quoted strike nearest to it is taken, the lower of two."""
    width_strikes: int | None = None
    """Distance in quoted strikes, 1 or more; 1 is the next one. There must be so many."""
    wing_delta: float | None = None
    """Absolute delta, above 0 and below 1, of the option that is out of the money at the wing's strike: the call above,
    the put below. The nearest is taken, the lower strike of two."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_one({"width": self.width, "width_strikes": self.width_strikes, "wing_delta": self.wing_delta})
        if self.width is not None and not (is_number(self.width) and self.width > 0):
            msg = f"width must be a positive number of dollars, got {self.width!r}"
            raise ValueError(msg)
        if self.width_strikes is not None:
            require_whole("width_strikes", self.width_strikes, "strikes")
        if self.wing_delta is not None and not (is_number(self.wing_delta) and 0 < self.wing_delta < 1):
            msg = f"wing_delta must be absolute, above 0 and below 1, for puts too; got {self.wing_delta!r}"
            raise ValueError(msg)

    def wing(self, strip: Strip, strike: Decimal, *, above: bool) -> int | NoFit:
        """Returns the place of the wing of a strike, or why none fits.

        Args:
            strip: Where the wing stands.
            strike: What it belongs to, in dollars.
            above: Whether it lies above or below that.
        """
        places = strip.beyond(strike, above=above)
        needed = self.width_strikes or 1
        if len(places) < needed:
            found = f"{len(places)} strikes {'above' if above else 'below'} {float(strike):g}"
            return NoFit(reason=f"{strip}: {found}, {needed} needed")
        if self.wing_delta is not None:
            return strip.nearest_outer_delta(self.wing_delta, self.rate, above=above, among=places)
        if self.width is not None:
            return strip.nearest(float(strike) + (self.width if above else -self.width), places)
        return int(places[needed - 1] if above else places[-needed])

    def around(self, low: tuple[Strip, int], high: tuple[Strip, int], ratio: int) -> tuple[Leg, ...] | NoFit:
        """Returns the legs of a body of two contracts and a wing outside each, or why they do not fit.

        Args:
            low: Strip and place of the body's contract with the lower wing, which stands in the same strip.
            high: The same for the higher wing.
            ratio: Signed ratio of both contracts of the body; the wings have the opposite one.
        """
        (lower, low_place), (higher, high_place) = low, high
        below = self.wing(lower, lower.strike(low_place), above=False)
        above = self.wing(higher, higher.strike(high_place), above=True)
        return legs_of((lower, below, -ratio), (*low, ratio), (*high, ratio), (higher, above, -ratio))

    def wing_in_words(self) -> str:
        """Returns the distance as a table shows it, such as ``"width 50"``."""
        if self.width is not None:
            return f"width {self.width:g}"
        return f"wing delta {self.wing_delta:g}" if self.wing_delta is not None else f"width {self.width_strikes} strikes"
