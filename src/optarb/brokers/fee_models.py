"""What trading costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.domain.money import round_cash

if TYPE_CHECKING:
    from optarb.domain.legs import Leg

__all__ = ["PerContractFee"]


@dataclass(frozen=True, kw_only=True)
class PerContractFee:
    """A commission for each contract and side.

    Raises:
        ValueError: The commission is negative or not finite.
    """

    commission_usd: Decimal = Decimal("0.65")
    """Dollars a contract and side, zero or more."""

    def __post_init__(self) -> None:
        if not self.commission_usd.is_finite() or self.commission_usd < 0:
            raise ValueError(f"commission_usd must be zero or more, got {self.commission_usd!r}")

    def fees(self, legs: Sequence[Leg], units: int, session: date) -> Decimal:  # noqa: ARG002 - the same on every date
        """Returns the fees of one order, rounded half-even to 1/10,000 dollar.

        Args:
            legs: The legs of one unit.
            units: Units traded.
            session: Trade date.
        """
        contracts = sum(abs(leg.ratio) for leg in legs) * units
        return round_cash(self.commission_usd * contracts)
