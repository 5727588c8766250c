"""Two options of one strike and right and different expiries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from optarb.domain.contracts import Right
from optarb.domain.legs import Leg, NoFit
from optarb.domain.quotes import Chain
from optarb.structures._strip import legs_of
from optarb.structures.two_expiries import TwoExpiries

__all__ = ["Calendar"]


@dataclass(frozen=True, kw_only=True)
class Calendar(TwoExpiries):
    """Sells the nearer expiry and buys the later one at the same strike, or the reverse.

    The strike is chosen at the nearer expiry, among those that both quote; a delta is the nearer contract's. What a calendar
    that is bought can lose is its debit, if it is given up when the nearer contract expires; ``ExitRules`` do not see to that,
    a subclass can. Nothing covers the later contract of one that is sold: it binds what a naked option does. A leg that would
    be sold without a bid is no fit.

    Raises:
        ValueError: None or several of ``strike``, ``moneyness`` and ``delta`` given, a later expiry that is not later, or a
            value out of its range.
    """

    credit: bool = False
    """True to buy the nearer and sell the later expiry, False to sell the nearer and buy the later one."""

    def choose(self, chains: Mapping[str, Chain], underlying: str) -> tuple[Leg, ...] | NoFit:
        """Picks both legs, the bought one first; see :class:`~optarb.domain.legs.Structure`."""
        both = self.find_both(chains, underlying)
        if isinstance(both, NoFit):
            return both
        near, far = both
        shared = np.isin(near.thousandths, far.thousandths).nonzero()[0]
        if not len(shared):
            return NoFit(reason=f"{near} and {far}: no strike is quoted in both")
        place = self.place_in(near, shared)
        if isinstance(place, NoFit):
            return place
        side = -1 if self.credit else 1
        return legs_of((near, place, -side), (far, far.place_of(near.strike(place)), side))

    def __str__(self) -> str:
        kind = "call" if self.right is Right.CALL else "put"
        way = "credit" if self.credit else "debit"
        return f"{kind} {way} calendar ({self.in_words()})"
