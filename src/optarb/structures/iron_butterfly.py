"""A straddle and a wing on each side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optarb.domain.legs import Leg, NoFit
from optarb.domain.quotes import Chain
from optarb.structures.contract_choice import ContractChoice
from optarb.structures.wing_choice import WingChoice

__all__ = ["IronButterfly"]


@dataclass(frozen=True, kw_only=True)
class IronButterfly(WingChoice, ContractChoice):
    """Sells the call and the put of the chosen strike and buys a put further down and a call further up, or the reverse.

    Expiry and strike are chosen among the calls, a delta is the call's; if that strike has no put, nothing fits. A leg that
    would be sold without a bid is no fit.

    Raises:
        ValueError: None or several of ``strike``, ``moneyness`` and ``delta``, or of ``width``, ``width_strikes`` and
            ``wing_delta`` given, or a value out of its range.
    """

    credit: bool = True
    """True to sell the middle and buy the wings, False to buy the middle and sell the wings."""

    def choose(self, chains: Mapping[str, Chain], underlying: str) -> tuple[Leg, ...] | NoFit:
        """Picks the four legs, bought ones first, lower strikes first; see :class:`~optarb.domain.legs.Structure`."""
        body = self.find_both_rights(chains, underlying)
        return body if isinstance(body, NoFit) else self.around(*body, -1 if self.credit else 1)

    def __str__(self) -> str:
        way = "credit" if self.credit else "debit"
        return f"{way} iron butterfly ({self.in_words()}, {self.wing_in_words()})"
