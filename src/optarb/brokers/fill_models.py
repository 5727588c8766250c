"""At which price a simulated order fills."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optarb.domain.quotes import Quote

__all__ = ["CrossSpread"]


@dataclass(frozen=True, kw_only=True)
class CrossSpread:
    """Buys pay the ask, sells get the bid. A zero bid sells nothing of a lone long, see ``Simulator``."""

    def fill_price(self, quote: Quote, quantity: int) -> Decimal | None:
        """Returns the ask for a purchase and the bid for a sale.

        Args:
            quote: The leg's quote.
            quantity: Contracts, signed: positive to buy.
        """
        return quote.ask if quantity > 0 else quote.bid
