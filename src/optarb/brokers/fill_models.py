"""At which price a simulated order fills, inside the spread or across it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optarb.domain.quotes import Quote

__all__ = ["CrossSpread", "FractionOfSpread", "Mid"]

_QUANTUM = Decimal("0.0001")


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


@dataclass(frozen=True, kw_only=True)
class FractionOfSpread:
    """Buys pay and sells get the mid, worsened by a fraction of half the spread.

    A quote without a bid has no middle: purchases pay its ask, sales get nothing. Prices are rounded to 1/10,000 dollar
    against the trader, purchases up and sales down. They need not lie on an increment of the exchange: what trades inside the
    spread is mostly a leg of a complex order, whose increment is finer.

    Raises:
        ValueError: The fraction is not from 0 to 1.
    """

    fraction: float = 0.5
    """How far from the mid, as a fraction of half the spread: 0 is the mid, 1 is the far side, as ``CrossSpread``."""

    def __post_init__(self) -> None:
        fraction: object = self.fraction
        if not isinstance(fraction, int | float) or isinstance(fraction, bool) or not 0.0 <= fraction <= 1.0:
            raise ValueError(f"fraction must be a number from 0 (mid) to 1 (far side), got {fraction!r}")

    def fill_price(self, quote: Quote, quantity: int) -> Decimal | None:
        """Returns the mid plus the fraction of half the spread for a purchase, less it for a sale.

        Args:
            quote: The leg's quote.
            quantity: Contracts, signed: positive to buy.
        """
        if not quote.bid:
            return quote.ask if quantity > 0 else quote.bid
        worse = Decimal(str(self.fraction)) * quote.spread / 2
        if quantity > 0:
            return (quote.mid + worse).quantize(_QUANTUM, ROUND_CEILING)
        return (quote.mid - worse).quantize(_QUANTUM, ROUND_FLOOR)


@dataclass(frozen=True, kw_only=True)
class Mid:
    """Buys pay and sells get the mid: the best that can be hoped for, and more than most orders get.

    A quote without a bid has no middle, and prices are rounded, as ``FractionOfSpread`` does it.
    """

    def fill_price(self, quote: Quote, quantity: int) -> Decimal | None:
        """Returns the mid.

        Args:
            quote: The leg's quote.
            quantity: Contracts, signed: positive to buy.
        """
        return _AT_MID.fill_price(quote, quantity)


_AT_MID = FractionOfSpread(fraction=0.0)
