"""Options of one expiry and right, unequal numbers bought and sold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optarb.domain.contracts import Right
from optarb.domain.legs import Leg, NoFit
from optarb.domain.quotes import Chain
from optarb.structures._checks import require_right, require_whole
from optarb.structures._strip import legs_of
from optarb.structures.contract_choice import ContractChoice
from optarb.structures.wing_choice import WingChoice

__all__ = ["RatioSpread"]


@dataclass(frozen=True, kw_only=True)
class RatioSpread(WingChoice, ContractChoice):
    """Buys contracts of the chosen strike and sells more of one further out of the money, or the reverse, a backspread.

    Further out of the money is higher for calls and lower for puts. The calls sold beyond those bought make the loss of a
    call ratio spread unbounded. Whether it is a debit or a credit lies with the prices. A leg that would be sold without a
    bid is no fit.

    Raises:
        ValueError: None or several of ``strike``, ``moneyness`` and ``delta``, or of ``width``, ``width_strikes`` and
            ``wing_delta`` given, no more further contracts than near ones, or a value out of its range.
    """

    right: Right
    """All legs are calls or all are puts."""
    near_quantity: int = 1
    """Contracts of the chosen strike in one unit, 1 or more."""
    far_quantity: int = 2
    """Contracts of the further strike in one unit, more than ``near_quantity``."""
    backspread: bool = False
    """True to sell the chosen strike and buy the further one, False to buy the chosen and sell the further one."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_right(self.right)
        for name in ("near_quantity", "far_quantity"):
            require_whole(name, getattr(self, name), "contracts")
        if self.far_quantity <= self.near_quantity:
            msg = f"far_quantity must be more than near_quantity, got {self.far_quantity!r} and {self.near_quantity!r}"
            raise ValueError(msg)

    def choose(self, chains: Mapping[str, Chain], underlying: str) -> tuple[Leg, ...] | NoFit:
        """Picks both legs, the bought one first; see :class:`~optarb.domain.legs.Structure`."""
        found = self.find(chains, underlying, self.right)
        if isinstance(found, NoFit):
            return found
        strip, place = found
        far = self.wing(strip, strip.strike(place), above=self.right is Right.CALL)
        side = -1 if self.backspread else 1
        return legs_of((*found, side * self.near_quantity), (strip, far, -side * self.far_quantity))

    def __str__(self) -> str:
        kind = "call" if self.right is Right.CALL else "put"
        name = f"{kind} {'backspread' if self.backspread else 'ratio spread'}"
        ratio = f"{self.near_quantity} to {self.far_quantity}"
        return f"{name} {ratio} ({self.in_words()}, {self.wing_in_words()})"
