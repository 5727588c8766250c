"""Money as integers of 1/10,000 dollar, and the one conversion from float prices."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal

__all__ = ["UNITS_PER_DOLLAR", "from_units", "price", "round_cash", "to_units"]

UNITS_PER_DOLLAR = 10_000
"""Ledger units in a dollar."""

_QUANTUM = Decimal("0.0001")


def price(value: float) -> Decimal:
    """Converts a float price to the Decimal that the ledger uses.

    The float's exact binary value is rounded half-even to 1/10,000; this is the only way a float becomes money.

    Args:
        value: Price per share in dollars, finite.

    Raises:
        ValueError: NaN or infinite.
    """
    if not math.isfinite(value):
        msg = f"a price must be finite, got {value!r}"
        raise ValueError(msg)
    return Decimal(value).quantize(_QUANTUM, ROUND_HALF_EVEN)


def round_cash(amount: Decimal) -> Decimal:
    """Rounds a cash flow half-even to 1/10,000 dollar."""
    return amount.quantize(_QUANTUM, ROUND_HALF_EVEN)


def to_units(amount: Decimal) -> int:
    """Converts dollars to ledger units, rounding half-even to 1/10,000 dollar.

    Args:
        amount: Dollars or a price per share, finite.

    Raises:
        ValueError: NaN or infinite.
    """
    if not amount.is_finite():
        msg = f"money must be finite, got {amount!r}"
        raise ValueError(msg)
    return int(amount.quantize(_QUANTUM, ROUND_HALF_EVEN).scaleb(4))


def from_units(units: int) -> Decimal:
    """Converts ledger units back to dollars, exact, with four decimals."""
    return Decimal(units).scaleb(-4)
