"""Two options of one right, different strikes and different expiries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optarb.domain.contracts import Right
from optarb.domain.legs import Leg, NoFit
from optarb.domain.quotes import Chain
from optarb.structures._strip import legs_of
from optarb.structures.two_expiries import TwoExpiries
from optarb.structures.wing_choice import WingChoice

__all__ = ["Diagonal"]


@dataclass(frozen=True, kw_only=True)
class Diagonal(WingChoice, TwoExpiries):
    """Buys the chosen strike at the later expiry and sells one further out of the money at the nearer one.

    It is a debit vertical whose bought leg lives longer. Further out of the money is higher for calls and lower for puts. A
    delta chooses the bought, later contract; ``wing_delta`` the sold, nearer one. What it can lose is its debit, if it is
    given up when the nearer contract expires; ``ExitRules`` do not see to that, a subclass can. A leg that would be sold
    without a bid is no fit.

    Raises:
        ValueError: None or several of ``strike``, ``moneyness`` and ``delta``, or of ``width``, ``width_strikes`` and
            ``wing_delta`` given, a later expiry that is not later, or a value out of its range.
    """

    def choose(self, chains: Mapping[str, Chain], underlying: str) -> tuple[Leg, ...] | NoFit:
        """Picks both legs, the bought one first; see :class:`~optarb.domain.legs.Structure`."""
        both = self.find_both(chains, underlying)
        if isinstance(both, NoFit):
            return both
        near, far = both
        bought = self.place_in(far)
        if isinstance(bought, NoFit):
            return bought
        sold = self.wing(near, far.strike(bought), above=self.right is Right.CALL)
        return legs_of((far, bought, 1), (near, sold, -1))

    def __str__(self) -> str:
        kind = "call" if self.right is Right.CALL else "put"
        return f"{kind} diagonal ({self.in_words()}, {self.wing_in_words()})"
