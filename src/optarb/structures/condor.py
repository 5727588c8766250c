"""Two contracts around the price against one wing on each side, all of one right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optarb.domain.contracts import Right
from optarb.domain.legs import Leg, NoFit
from optarb.domain.quotes import Chain
from optarb.structures._checks import require_right
from optarb.structures.body_choice import BodyChoice
from optarb.structures.wing_choice import WingChoice

__all__ = ["Condor"]


@dataclass(frozen=True, kw_only=True)
class Condor(WingChoice, BodyChoice):
    """Sells one contract of each of two strikes around the price and buys one further down and one further up, or the reverse.

    The debit condor gains most between the two strikes. A leg that would be sold without a bid is no fit.

    Raises:
        ValueError: None or several of ``delta``, ``distance`` and ``strikes``, or of ``width``, ``width_strikes`` and
            ``wing_delta`` given, or a value out of its range.
    """

    right: Right
    """All legs are calls or all are puts."""
    credit: bool = False
    """True to buy the middle and sell the wings, False to sell the middle and buy the wings."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_right(self.right)

    def choose(self, chains: Mapping[str, Chain], underlying: str) -> tuple[Leg, ...] | NoFit:
        """Picks the four legs, bought ones first, lower strikes first; see :class:`~optarb.domain.legs.Structure`."""
        body = self.find(chains, underlying, below=self.right, above=self.right)
        return body if isinstance(body, NoFit) else self.around(*body, 1 if self.credit else -1)

    def __str__(self) -> str:
        kind = "call" if self.right is Right.CALL else "put"
        way = "credit" if self.credit else "debit"
        return f"{kind} {way} condor ({self.in_words()}, {self.wing_in_words()})"
