"""The fields by which structures choose one contract of one chain, from which the others are measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optarb.domain.contracts import Right
from optarb.domain.legs import NoFit
from optarb.structures._strip import strip_of
from optarb.structures.strike_choice import StrikeChoice

if TYPE_CHECKING:
    from optarb.domain.quotes import Chain
    from optarb.structures._strip import Strip

__all__ = ["ContractChoice"]


@dataclass(frozen=True, kw_only=True)
class ContractChoice(StrikeChoice):
    """An expiry and a strike among the roots of one chain.

    Raises:
        ValueError: None or several of ``strike``, ``moneyness`` and ``delta`` given, or a value out of its range.
    """

    roots: tuple[str, ...] = ()
    """Option roots that may be chosen, such as ``("SPXW",)``; empty for all. Of two roots with one expiry the first
    of the chain is taken."""

    def find(self, chains: Mapping[str, Chain], underlying: str, right: Right) -> tuple[Strip, int] | NoFit:
        """Returns the chosen contract's strip and its place there, or why none fits."""
        strip = strip_of(chains, underlying, right=right, dte=self.dte, roots=self.roots)
        if isinstance(strip, NoFit):
            return strip
        place = self.place_in(strip)
        return place if isinstance(place, NoFit) else (strip, place)

    def find_both_rights(
        self, chains: Mapping[str, Chain], underlying: str
    ) -> tuple[tuple[Strip, int], tuple[Strip, int]] | NoFit:
        """Returns the put and the call of the chosen strike, each as strip and place, or why there are not both.

        Expiry and strike are chosen among the calls.
        """
        found = self.find(chains, underlying, Right.CALL)
        if isinstance(found, NoFit):
            return found
        calls, call = found
        puts = calls.twin()
        if isinstance(puts, NoFit):
            return puts
        put = puts.place_of(calls.strike(call))
        return put if isinstance(put, NoFit) else ((puts, put), found)
