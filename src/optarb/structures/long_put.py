"""Buying one put."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optarb.domain.contracts import Right
from optarb.domain.legs import Leg, NoFit
from optarb.domain.quotes import Chain
from optarb.structures._strip import legs_of
from optarb.structures.contract_choice import ContractChoice

__all__ = ["LongPut"]


@dataclass(frozen=True, kw_only=True)
class LongPut(ContractChoice):
    """Buys one put of the signal's underlying.

    A put without a bid may be chosen: it can be bought at its ask. Whether a wide quote is good enough is the policy's
    business.

    Raises:
        ValueError: None or several of ``strike``, ``moneyness`` and ``delta`` given, or a value out of its range.
    """

    def choose(self, chains: Mapping[str, Chain], underlying: str) -> tuple[Leg, ...] | NoFit:
        """Picks the put; see :class:`~optarb.domain.legs.Structure`."""
        found = self.find(chains, underlying, Right.PUT)
        return found if isinstance(found, NoFit) else legs_of((*found, 1))

    def __str__(self) -> str:
        return f"long put ({self.in_words()})"
