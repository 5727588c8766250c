"""Worthless options that are given away for a dollar."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.brokers.fill_models import CrossSpread
from optarb.protocols.brokers import FillModel

if TYPE_CHECKING:
    from optarb.domain.quotes import Quote

__all__ = ["CabinetSales"]

_CABINET = Decimal("0.01")


@dataclass(frozen=True, kw_only=True)
class CabinetSales:
    """Sells contracts that nobody bids for at 0.01 a share, a dollar a contract; all else fills as another model does.

    Exchanges let worthless positions be closed so (cabinet trades), if somebody takes the other side; here somebody always
    does. A position that would be kept for want of a bid is closed with it. A sale on a quote with an ask below 0.01 is left
    to the inner model.
    """

    inner: FillModel = field(default_factory=CrossSpread)
    """At which price everything else fills."""

    def fill_price(self, quote: Quote, quantity: int) -> Decimal | None:
        """Returns 0.01 for a sale without a bid, else the inner model's price.

        Args:
            quote: The leg's quote.
            quantity: Contracts, signed: positive to buy.
        """
        if quantity < 0 and not quote.bid and quote.ask >= _CABINET:
            return _CABINET
        return self.inner.fill_price(quote, quantity)
