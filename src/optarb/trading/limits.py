"""Limits that hold whatever a policy says."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import Field

from optarb.specs import _Frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optarb.domain.legs import Leg

__all__ = ["LiveLimits", "notional_usd"]


class LiveLimits(_Frozen):
    """Safety limits of one book and session. They deny entries; nothing here ever keeps a position from being closed.

    Raises:
        ConfigurationError: A limit is out of its range.
    """

    max_contracts: int = Field(default=50, ge=1)
    """Most contracts of one entry, all legs together."""
    max_notional_usd: Decimal = Field(default=Decimal(2_000_000), gt=0)
    """Most underlying value one entry may stand for: underlying x multiplier x contracts on the larger side, dollars."""
    max_entries: int = Field(default=5, ge=0)
    """Most positions opened in one session."""
    max_orders_per_minute: int = Field(default=30, ge=1)
    """Most orders sent in a minute before further openings wait; closing orders count and are never held back."""
    max_loss: float = Field(default=0.10, gt=0, le=1)
    """Largest loss of a session (realised, marks and fees), as a fraction of the book's capital. A breach stops entries."""
    flatten_on_loss: bool = False
    """Whether such a breach closes everything too."""

    def refusal(
        self, legs: Sequence[Leg], units: int, opened: int, spot_of: Callable[[str], Decimal | None]
    ) -> tuple[str, dict[str, str]] | None:
        """Returns the rule that refuses an entry, with its numbers; None if none does.

        Args:
            legs: One unit.
            units: Units to open.
            opened: Positions already opened, or being opened, in this session.
            spot_of: Price of an underlying, or None if it is not known.
        """
        contracts = sum(abs(leg.ratio) for leg in legs) * units
        if contracts > self.max_contracts:
            return "max_contracts", {"contracts": str(contracts), "limit": str(self.max_contracts)}
        if opened >= self.max_entries:
            return "max_entries", {"opened": str(opened), "limit": str(self.max_entries)}
        notional = notional_usd(legs, units, spot_of)
        if notional is None or notional > self.max_notional_usd:
            return "max_notional", {"notional": str(notional), "limit": str(self.max_notional_usd)}
        return None


def notional_usd(legs: Sequence[Leg], units: int, spot_of: Callable[[str], Decimal | None]) -> Decimal | None:
    """Returns what a structure stands for on the larger of its two sides, dollars; None if a price is not known.

    Args:
        legs: One unit.
        units: Units.
        spot_of: Price of an underlying, or None.
    """
    sides = {True: Decimal(0), False: Decimal(0)}
    for leg in legs:
        spot = spot_of(leg.contract.underlying)
        if spot is None:
            return None
        sides[leg.ratio > 0] += spot * leg.contract.multiplier * abs(leg.ratio) * units
    return max(sides.values())
