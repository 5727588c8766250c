"""A strangle and a wing on each side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optarb.domain.contracts import Right
from optarb.domain.legs import Leg, NoFit
from optarb.domain.quotes import Chain
from optarb.structures.body_choice import BodyChoice
from optarb.structures.wing_choice import WingChoice

__all__ = ["IronCondor"]


@dataclass(frozen=True, kw_only=True)
class IronCondor(WingChoice, BodyChoice):
    """Sells a put and a call of a higher strike and buys a put further down and a call further up, or the reverse.

    The expiry is chosen among the calls. A leg that would be sold without a bid is no fit.

    Raises:
        ValueError: None or several of ``delta``, ``distance`` and ``strikes``, or of ``width``, ``width_strikes`` and
            ``wing_delta`` given, or a value out of its range.
    """

    credit: bool = True
    """True to sell the middle and buy the wings, False to buy the middle and sell the wings."""

    def choose(self, chains: Mapping[str, Chain], underlying: str) -> tuple[Leg, ...] | NoFit:
        """Picks the four legs, bought ones first, lower strikes first; see :class:`~optarb.domain.legs.Structure`."""
        body = self.find(chains, underlying, below=Right.PUT, above=Right.CALL)
        return body if isinstance(body, NoFit) else self.around(*body, -1 if self.credit else 1)

    def __str__(self) -> str:
        way = "credit" if self.credit else "debit"
        return f"{way} iron condor ({self.in_words()}, {self.wing_in_words()})"
