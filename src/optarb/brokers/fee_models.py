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
        commission: object = self.commission_usd
        if isinstance(commission, int | float):
            commission = Decimal(str(commission))
            object.__setattr__(self, "commission_usd", commission)
        if not isinstance(commission, Decimal) or not commission.is_finite() or commission < 0:
            raise ValueError(f"commission_usd must be a number of zero or more, got {commission!r}")

    def fees(self, legs: Sequence[Leg], units: int, session: date) -> Decimal:  # noqa: ARG002 - the same on every date
        """Returns the fees of one order, rounded half-even to 1/10,000 dollar.

        Args:
            legs: The legs of one unit.
            units: Units traded.
            session: Trade date.
        """
        contracts = sum(abs(leg.ratio) for leg in legs) * units
        return round_cash(self.commission_usd * contracts)
