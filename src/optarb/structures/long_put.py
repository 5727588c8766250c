"""Buying one put."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optarb.domain.contracts import Right
from optarb.domain.legs import Leg, NoFit
from optarb.domain.quotes import Chain
from optarb.structures._long_option import choose_long
from optarb.structures.strike_choice import StrikeChoice

__all__ = ["LongPut"]


@dataclass(frozen=True, kw_only=True)
class LongPut(StrikeChoice):
    """Buys one put of the signal's underlying.

    A put without a bid may be chosen: it can be bought at its ask. Whether a wide quote is good enough is the policy's
    business.

    Raises:
        ValueError: None or several of ``strike``, ``moneyness`` and ``delta`` given, or a value out of its range.
    """

    roots: tuple[str, ...] = ()
    """Option roots that may be chosen, such as ``("SPXW",)``; empty for all. Of two roots with one expiry the first
    of the chain is taken."""

    def choose(self, chains: Mapping[str, Chain], underlying: str) -> tuple[Leg, ...] | NoFit:
        """Picks the put; see :class:`~optarb.domain.legs.Structure`."""
        return choose_long(self, chains, underlying, Right.PUT, self.roots)

    def __str__(self) -> str:
        return f"long put ({self.in_words()})"
