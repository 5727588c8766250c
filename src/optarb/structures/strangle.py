"""A put below the price and a call above it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optarb.domain.contracts import Right
from optarb.domain.legs import Leg, NoFit
from optarb.domain.quotes import Chain
from optarb.structures._strip import legs_of
from optarb.structures.body_choice import BodyChoice

__all__ = ["Strangle"]


@dataclass(frozen=True, kw_only=True)
class Strangle(BodyChoice):
    """Buys or sells a put and a call of a higher strike, of the same root and expiry.

    The expiry is chosen among the calls. The loss of a strangle that is sold is unbounded. A leg that would be sold without
    a bid is no fit.

    Raises:
        ValueError: None or several of ``delta``, ``distance`` and ``strikes`` given, or a value out of its range.
    """

    credit: bool = False
    """True to sell both, False to buy them."""

    def choose(self, chains: Mapping[str, Chain], underlying: str) -> tuple[Leg, ...] | NoFit:
        """Picks the put, then the call; see :class:`~optarb.domain.legs.Structure`."""
        body = self.find(chains, underlying, below=Right.PUT, above=Right.CALL)
        if isinstance(body, NoFit):
            return body
        ratio = -1 if self.credit else 1
        return legs_of(*((*found, ratio) for found in body))

    def __str__(self) -> str:
        return f"{'short' if self.credit else 'long'} strangle ({self.in_words()})"
