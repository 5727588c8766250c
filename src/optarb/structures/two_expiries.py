"""The fields by which structures choose a second, later expiry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optarb.domain.contracts import Right
from optarb.domain.legs import NoFit
from optarb.domain.quotes import Chain
from optarb.structures._checks import require_right, require_whole
from optarb.structures._strip import find_strip, open_days, strip_of
from optarb.structures.contract_choice import ContractChoice

if TYPE_CHECKING:
    from optarb.structures._strip import Strip

__all__ = ["TwoExpiries"]


@dataclass(frozen=True, kw_only=True)
class TwoExpiries(ContractChoice):
    """A nearer and a later expiry of one right.

    Raises:
        ValueError: None or several of ``strike``, ``moneyness`` and ``delta`` given, a later expiry that is not later, or a
            value out of its range.
    """

    right: Right
    """Both legs are calls or both are puts."""
    far_dte: int = 60
    """Calendar days to the later expiry, more than ``dte``, the nearer one's. The expiry with the least |days - far_dte|
    is taken among those later than the nearer one, the earlier of two."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_right(self.right)
        require_whole("far_dte", self.far_dte, "days")
        if self.far_dte <= self.dte:
            msg = f"far_dte must be more than dte, got {self.far_dte!r} and {self.dte!r}"
            raise ValueError(msg)

    def find_both(self, chains: Mapping[str, Chain], underlying: str) -> tuple[Strip, Strip] | NoFit:
        """Returns the strips of the nearer and of the later expiry, or why there are none."""
        near = strip_of(chains, underlying, right=self.right, dte=self.dte, roots=self.roots)
        if isinstance(near, NoFit):
            return near
        chain = near.chain
        days = (near.expiry - chain.session).days
        later = frozenset(day for day in open_days(chain, self.right, self.roots) if day > days)
        if not later:
            return NoFit(reason=f"{near}: no later expiry is quoted")
        far = find_strip(chain, right=self.right, dte=self.far_dte, roots=self.roots, among=later)
        return far if isinstance(far, NoFit) else (near, far)

    def in_words(self) -> str:
        """Returns the choice as a table shows it, such as ``"30 days, delta 0.5, against 60 days"``."""
        return f"{super().in_words()}, against {self.far_dte} days"
