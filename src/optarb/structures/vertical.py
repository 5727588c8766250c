"""Two options of one expiry and right, one bought and one sold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from optarb.domain.contracts import Right
from optarb.domain.legs import Leg, NoFit
from optarb.domain.quotes import Chain
from optarb.structures._strip import Strip, chain_of, find_strip
from optarb.structures.strike_choice import StrikeChoice, is_number

__all__ = ["Vertical"]


@dataclass(frozen=True, kw_only=True)
class Vertical(StrikeChoice):
    """A debit or credit spread: the chosen strike, and one ``width`` further out of the money against it.

    A debit spread buys the chosen strike and sells the further one; a credit spread sells the chosen strike and buys
    the further one. Further out of the money is higher for calls and lower for puts: call debits and put credits are
    bullish, put debits and call credits bearish. A leg that would be sold without a bid is no fit.

    Raises:
        ValueError: None or several of ``strike``, ``moneyness`` and ``delta`` given, or a value out of its range.
    """

    right: Right
    """Both legs are calls or both are puts."""
    width: float
    """Distance of the strikes in dollars, positive. The quoted strike nearest to it is taken, the lower of two, always
    on the far side of the chosen one."""
    credit: bool = False
    """True to sell the chosen strike, False to buy it."""
    roots: tuple[str, ...] = ()
    """Option roots that may be chosen, such as ``("SPXW",)``; empty for all. Of two roots with one expiry the first
    of the chain is taken."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.right not in tuple(Right):
            msg = f"right must be Right.CALL or Right.PUT, got {self.right!r}"
            raise ValueError(msg)
        if not is_number(self.width) or self.width <= 0:
            msg = f"width must be a positive number of dollars, got {self.width!r}"
            raise ValueError(msg)

    def choose(self, chains: Mapping[str, Chain], underlying: str) -> tuple[Leg, ...] | NoFit:
        """Picks both legs, the bought one first; see :class:`~optarb.domain.legs.Structure`."""
        chain = chain_of(chains, underlying)
        if isinstance(chain, NoFit):
            return chain
        strip = find_strip(chain, right=self.right, dte=self.dte, roots=self.roots)
        if isinstance(strip, NoFit):
            return strip
        near = self.place_in(strip)
        if isinstance(near, NoFit):
            return near
        far = self._further(strip, near)
        if isinstance(far, NoFit):
            return far
        bought, sold = (far, near) if self.credit else (near, far)
        if strip.bid(sold) <= 0.0:
            return NoFit(reason=f"{strip.contract(sold)} would be sold and has no bid")
        return Leg(contract=strip.contract(bought), ratio=1), Leg(contract=strip.contract(sold), ratio=-1)

    def _further(self, strip: Strip, near: int) -> int | NoFit:
        strikes = strip.thousandths
        chosen = int(strikes[near])
        if self.right is Right.CALL:
            lowest, highest, target = near + 1, len(strikes) - 1, chosen / 1000.0 + self.width
        else:
            lowest, highest, target = 0, near - 1, chosen / 1000.0 - self.width
        if lowest > highest:
            return NoFit(reason=f"{strip}: no strike further out of the money than {chosen / 1000:g} ({len(strikes)} quoted)")
        return int(np.clip(strip.nearest(target), lowest, highest))

    def __str__(self) -> str:
        kind = "call" if self.right is Right.CALL else "put"
        return f"{kind} {'credit' if self.credit else 'debit'} spread ({self.in_words()}, width {self.width:g})"
