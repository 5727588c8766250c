"""Two options of one expiry and right, one bought and one sold."""

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

__all__ = ["Vertical"]


@dataclass(frozen=True, kw_only=True)
class Vertical(WingChoice, ContractChoice):
    """A debit or credit spread: the chosen strike, and one further out of the money against it.

    A debit spread buys the chosen strike and sells the further one; a credit spread sells the chosen strike and buys
    the further one. Further out of the money is higher for calls and lower for puts: call debits and put credits are
    bullish, put debits and call credits bearish. A leg that would be sold without a bid is no fit.

    Raises:
        ValueError: None or several of ``strike``, ``moneyness`` and ``delta``, or of ``width``, ``width_strikes`` and
            ``wing_delta`` given, or a value out of its range.
    """

    right: Right
    """Both legs are calls or both are puts."""
    credit: bool = False
    """True to sell the chosen strike, False to buy it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_right(self.right)

    def choose(self, chains: Mapping[str, Chain], underlying: str) -> tuple[Leg, ...] | NoFit:
        """Picks both legs, the bought one first; see :class:`~optarb.domain.legs.Structure`."""
        found = self.find(chains, underlying, self.right)
        if isinstance(found, NoFit):
            return found
        strip, place = found
        far = self.wing(strip, strip.strike(place), above=self.right is Right.CALL)
        ratio = -1 if self.credit else 1
        return legs_of((*found, ratio), (strip, far, -ratio))

    def __str__(self) -> str:
        kind = "call" if self.right is Right.CALL else "put"
        way = "credit" if self.credit else "debit"
        return f"{kind} {way} spread ({self.in_words()}, {self.wing_in_words()})"
