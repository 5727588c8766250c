"""A call spread and the put spread of the same strikes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optarb.domain.contracts import Right
from optarb.domain.legs import Leg, NoFit
from optarb.domain.quotes import Chain
from optarb.structures._strip import legs_of
from optarb.structures.contract_choice import ContractChoice
from optarb.structures.wing_choice import WingChoice

__all__ = ["Box"]


@dataclass(frozen=True, kw_only=True)
class Box(WingChoice, ContractChoice):
    """Buys a call and sells a put of the chosen strike, sells a call and buys a put of a higher one: a loan, or the reverse.

    At expiry it is worth the distance of the strikes, whatever the underlying does. That holds for European contracts; of
    American ones a short leg may be assigned before. Expiry and chosen strike are those of a call, a delta is its; the
    higher strike is measured among the calls. A strike without a put is no fit, and neither is a leg that would be sold
    without a bid.

    Raises:
        ValueError: None or several of ``strike``, ``moneyness`` and ``delta``, or of ``width``, ``width_strikes`` and
            ``wing_delta`` given, or a value out of its range.
    """

    credit: bool = False
    """True to sell the box, which borrows; False to buy it, which lends."""

    def choose(self, chains: Mapping[str, Chain], underlying: str) -> tuple[Leg, ...] | NoFit:
        """Picks the four legs, bought ones first; see :class:`~optarb.domain.legs.Structure`."""
        found = self.find(chains, underlying, Right.CALL)
        if isinstance(found, NoFit):
            return found
        calls, low = found
        high, puts = self.wing(calls, calls.strike(low), above=True), calls.twin()
        if isinstance(high, NoFit):
            return high
        if isinstance(puts, NoFit):
            return puts
        side = -1 if self.credit else 1
        return legs_of(
            (calls, low, side),
            (calls, high, -side),
            (puts, puts.place_of(calls.strike(high)), side),
            (puts, puts.place_of(calls.strike(low)), -side),
        )

    def __str__(self) -> str:
        return f"{'short' if self.credit else 'long'} box ({self.in_words()}, {self.wing_in_words()})"
