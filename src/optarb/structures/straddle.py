"""A call and a put of one strike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optarb.domain.legs import Leg, NoFit
from optarb.domain.quotes import Chain
from optarb.structures._strip import legs_of
from optarb.structures.contract_choice import ContractChoice

__all__ = ["Straddle"]


@dataclass(frozen=True, kw_only=True)
class Straddle(ContractChoice):
    """Buys or sells a call and the put of the same strike, root and expiry.

    Expiry and strike are chosen among the calls, a delta is the call's; if that strike has no put, nothing fits. The loss
    of a straddle that is sold is unbounded. A leg that would be sold without a bid is no fit.

    Raises:
        ValueError: None or several of ``strike``, ``moneyness`` and ``delta`` given, or a value out of its range.
    """

    credit: bool = False
    """True to sell both, False to buy them."""

    def choose(self, chains: Mapping[str, Chain], underlying: str) -> tuple[Leg, ...] | NoFit:
        """Picks the put, then the call; see :class:`~optarb.domain.legs.Structure`."""
        body = self.find_both_rights(chains, underlying)
        if isinstance(body, NoFit):
            return body
        ratio = -1 if self.credit else 1
        return legs_of(*((*found, ratio) for found in body))

    def __str__(self) -> str:
        return f"{'short' if self.credit else 'long'} straddle ({self.in_words()})"
