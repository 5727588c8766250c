"""What long calls and long puts share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optarb.domain.legs import Leg, NoFit
from optarb.structures._strip import chain_of, find_strip

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optarb.domain.contracts import Right
    from optarb.domain.quotes import Chain
    from optarb.structures.strike_choice import StrikeChoice

__all__ = ["choose_long"]


def choose_long(
    rule: StrikeChoice, chains: Mapping[str, Chain], underlying: str, right: Right, roots: Sequence[str]
) -> tuple[Leg, ...] | NoFit:
    """Buys one contract by a rule.

    Args:
        rule: How expiry and strike are chosen.
        chains: Chains by underlying.
        underlying: Which of them.
        right: Call or put.
        roots: Roots that may be chosen; empty for all.
    """
    chain = chain_of(chains, underlying)
    if isinstance(chain, NoFit):
        return chain
    strip = find_strip(chain, right=right, dte=rule.dte, roots=roots)
    if isinstance(strip, NoFit):
        return strip
    index = rule.place_in(strip)
    return index if isinstance(index, NoFit) else (Leg(contract=strip.contract(index), ratio=1),)
