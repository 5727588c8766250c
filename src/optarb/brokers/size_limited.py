"""Orders that fill only if enough is displayed."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.brokers.fill_models import CrossSpread
from optarb.protocols.brokers import FillModel

if TYPE_CHECKING:
    from optarb.domain.quotes import Quote

__all__ = ["SizeLimited"]


@dataclass(frozen=True, kw_only=True)
class SizeLimited:
    """Fills as another model does, where the side that is traded against displays enough contracts.

    Purchases look at the size offered, sales at the size bid for. Where it is too little, or not known, nothing fills: a
    signal whose single unit is too large is denied as ``size``, an order of more units stays unfilled. Each order is looked at
    alone; what others took in the same session is not deducted. Modelled quotes have no size.

    Raises:
        ValueError: The participation is not above 0 and at most 1.
    """

    inner: FillModel = field(default_factory=CrossSpread)
    """At which price a leg fills that is not too large."""
    participation: float = 1.0
    """Most that is taken of the displayed size, a fraction above 0 and at most 1."""

    def __post_init__(self) -> None:
        part: object = self.participation
        if not isinstance(part, int | float) or isinstance(part, bool) or not 0.0 < part <= 1.0:
            raise ValueError(f"participation must be a fraction above 0 and at most 1, got {part!r}")

    def fill_price(self, quote: Quote, quantity: int) -> Decimal | None:
        """Returns the inner model's price, or None where too little is displayed.

        Args:
            quote: The leg's quote.
            quantity: Contracts, signed: positive to buy.
        """
        size = quote.ask_size if quantity > 0 else quote.bid_size
        if size is None or abs(quantity) > Decimal(str(self.participation)) * size:
            return None
        return self.inner.fill_price(quote, quantity)
