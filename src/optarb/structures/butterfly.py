"""Two contracts in the middle against one wing on each side, all of one right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optarb.domain.contracts import Right
from optarb.domain.legs import Leg, NoFit
from optarb.domain.quotes import Chain
from optarb.structures._checks import require_right
from optarb.structures._strip import legs_of
from optarb.structures.contract_choice import ContractChoice
from optarb.structures.wing_choice import WingChoice

__all__ = ["Butterfly"]


@dataclass(frozen=True, kw_only=True)
class Butterfly(WingChoice, ContractChoice):
    """Sells two contracts of the chosen strike and buys one further down and one further up, or the reverse.

    The debit butterfly gains most at the chosen strike. A leg that would be sold without a bid is no fit.

    Raises:
        ValueError: None or several of ``strike``, ``moneyness`` and ``delta``, or of ``width``, ``width_strikes`` and
            ``wing_delta`` given, or a value out of its range.
    """

    right: Right
    """All legs are calls or all are puts."""
    credit: bool = False
    """True to buy the middle and sell the wings, False to sell the middle and buy the wings."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_right(self.right)

    def choose(self, chains: Mapping[str, Chain], underlying: str) -> tuple[Leg, ...] | NoFit:
        """Picks the three legs, bought ones first, lower strikes first; see :class:`~optarb.domain.legs.Structure`."""
        found = self.find(chains, underlying, self.right)
        if isinstance(found, NoFit):
            return found
        strip, place = found
        middle = strip.strike(place)
        wing = -1 if self.credit else 1
        return legs_of(
            (strip, self.wing(strip, middle, above=False), wing),
            (*found, -2 * wing),
            (strip, self.wing(strip, middle, above=True), wing),
        )

    def __str__(self) -> str:
        kind = "call" if self.right is Right.CALL else "put"
        way = "credit" if self.credit else "debit"
        return f"{kind} {way} butterfly ({self.in_words()}, {self.wing_in_words()})"
