"""The fields by which structures choose two strikes around the underlying's price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from optarb.domain.legs import NoFit
from optarb.structures._checks import is_number, require_one
from optarb.structures._strip import strip_of
from optarb.structures.expiry_choice import ExpiryChoice

if TYPE_CHECKING:
    from optarb.domain.contracts import Right
    from optarb.domain.quotes import Chain
    from optarb.structures._strip import Strip

__all__ = ["BodyChoice"]


@dataclass(frozen=True, kw_only=True)
class BodyChoice(ExpiryChoice):
    """An expiry by calendar days, and two strikes by exactly one of delta, distance and price.

    Raises:
        ValueError: None or several of ``delta``, ``distance`` and ``strikes`` given, or a value out of its range.
    """

    delta: float | None = None
    """Absolute Black-76 delta, above 0 and below 0.5, of the put at the lower and the call at the higher strike, each
    implied from its mid: the nearest is taken, the lower strike of two. Where the structure trades the other right at a
    strike, that one's delta is taken as the discount factor less this."""
    distance: float | None = None
    """Distance of both strikes from the underlying's price as a fraction of it, above 0 and below 1: 0.05 is 95 % and
    105 % of it. The nearest strike is taken, the lower of two. Where a chain has no price of the underlying, its forward by
    put-call parity at the chosen expiry stands in."""
    strikes: tuple[Decimal, Decimal] | None = None
    """These strikes exactly, in dollars, the lower first."""
    roots: tuple[str, ...] = ()
    """Option roots that may be chosen, such as ``("SPXW",)``; empty for all. Of two roots with one expiry the first
    of the chain is taken."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_one({"delta": self.delta, "distance": self.distance, "strikes": self.strikes})
        if self.delta is not None and not (is_number(self.delta) and 0 < self.delta < 0.5):
            msg = f"delta must be absolute, above 0 and below 0.5, got {self.delta!r}"
            raise ValueError(msg)
        if self.distance is not None and not (is_number(self.distance) and 0 < self.distance < 1):
            msg = f"distance must be a fraction of the price, above 0 and below 1, got {self.distance!r}"
            raise ValueError(msg)
        if self.strikes is not None and not _ascending(self.strikes):
            msg = f"strikes must be two positive Decimals of dollars, the lower first, got {self.strikes!r}"
            raise ValueError(msg)

    def find(
        self, chains: Mapping[str, Chain], underlying: str, *, below: Right, above: Right
    ) -> tuple[tuple[Strip, int], tuple[Strip, int]] | NoFit:
        """Returns the lower and the higher contract, each as strip and place, or why none fits.

        Args:
            chains: Chains by underlying.
            underlying: Which of them.
            below: Right of the contract at the lower strike.
            above: Right of the contract at the higher strike; the expiry is chosen among those that quote it.
        """
        higher = strip_of(chains, underlying, right=above, dte=self.dte, roots=self.roots)
        if isinstance(higher, NoFit):
            return higher
        lower = higher if below is above else higher.twin()
        return lower if isinstance(lower, NoFit) else self._found(lower, higher)

    def _found(self, lower: Strip, higher: Strip) -> tuple[tuple[Strip, int], tuple[Strip, int]] | NoFit:
        low, high = self._place_in(lower, above=False), self._place_in(higher, above=True)
        if isinstance(low, NoFit):
            return low
        if isinstance(high, NoFit):
            return high
        if lower.strike(low) >= higher.strike(high):
            found = f"{lower.contract(low)} and {higher.contract(high)}"
            return NoFit(reason=f"{found}: the lower strike is not below the higher one; too few are quoted")
        return (lower, low), (higher, high)

    def _place_in(self, strip: Strip, *, above: bool) -> int | NoFit:
        if self.strikes is not None:
            return strip.place_of(self.strikes[above])
        if self.delta is not None:
            return strip.nearest_outer_delta(self.delta, self.rate, above=above)
        price, distance = strip.underlying_price(self.rate), cast("float", self.distance)  # one of the three is given
        return price if isinstance(price, NoFit) else strip.nearest(price * (1.0 + distance if above else 1.0 - distance))

    def in_words(self) -> str:
        """Returns the choice as a table shows it, such as ``"30 days, delta 0.2"``."""
        if self.strikes is not None:
            how = f"strikes {self.strikes[0]} and {self.strikes[1]}"
        elif self.delta is not None:
            how = f"delta {self.delta:g}"
        else:
            how = f"distance {self.distance:g}"
        return f"{self.dte} days, {how}"


def _ascending(strikes: object) -> bool:
    """Whether it is a pair of positive Decimals, the lower first."""
    if not isinstance(strikes, tuple) or len(strikes) != 2:
        return False
    if not all(type(strike) is Decimal and strike.is_finite() and strike > 0 for strike in strikes):
        return False
    return bool(strikes[0] < strikes[1])
