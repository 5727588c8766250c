"""Option contracts and their OCC symbols."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

__all__ = ["FIRST_EXPIRY", "LAST_EXPIRY", "STRIKE_LIMIT", "OptionContract", "Right", "Settlement"]

_OCC = re.compile(r"(?P<root>[A-Z0-9]{1,6})\s*(?P<expiry>\d{6})(?P<right>[CP])(?P<strike>\d{8})")
_ROOT = re.compile(r"[A-Z]{1,6}")
STRIKE_LIMIT = 100_000
"""Strikes are below this: an OCC symbol has five digits before the point."""
FIRST_EXPIRY, LAST_EXPIRY = date(2000, 1, 1), date(2099, 12, 31)
"""Expiries lie between these, both inclusive: an OCC symbol has two digits for the year."""


class Right(StrEnum):
    """The right an option gives."""

    CALL = "C"
    PUT = "P"


class Settlement(StrEnum):
    """How a contract is settled at expiry."""

    AM = "AM"
    """Cash, on a value set from the opening prices of the settlement session."""
    PM = "PM"
    """Cash, on the official close of the expiry session."""
    PHYSICAL = "physical"
    """Shares are delivered."""


@dataclass(frozen=True, slots=True)
class _RootTerms:
    underlying: str
    settlement: Settlement


_ROOTS = {
    "SPX": _RootTerms("SPX", Settlement.AM),
    "SPXW": _RootTerms("SPX", Settlement.PM),
    "XSP": _RootTerms("XSP", Settlement.PM),
}


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class OptionContract:
    """One listed option: root, expiry, right and strike.

    Index roots known by name (``SPX``, ``SPXW``, ``XSP``) are European and cash-settled; every other root is American with
    physical delivery of 100 shares.

    Raises:
        ValueError: A root that is not one to six capital letters (a digit marks an adjusted contract, whose deliverable is
            not 100 shares), a right other than ``C`` and ``P``, a strike that is not positive, not below 100,000 or not a
            multiple of 0.001, or an expiry outside 2000 to 2099.
    """

    root: str
    """Option root, such as ``"SPXW"``; not always the underlying's symbol."""
    expiry: date
    """Listed expiry date."""
    right: Right
    """Call or put."""
    strike: Decimal
    """Strike price in dollars per share."""

    def __post_init__(self) -> None:
        if not _ROOT.fullmatch(self.root):
            kind = "adjusted contracts are not supported" if any(c.isdigit() for c in self.root) else "use 1-6 capital letters"
            msg = f"option root {self.root!r}: {kind}"
            raise ValueError(msg)
        object.__setattr__(self, "right", Right(self.right))
        strike: object = self.strike
        if isinstance(strike, int):
            strike = Decimal(strike)
            object.__setattr__(self, "strike", strike)
        if not isinstance(strike, Decimal) or not strike.is_finite() or not 0 < strike < STRIKE_LIMIT or strike * 1000 % 1:
            msg = f"strike must be a Decimal in (0, 100000) in steps of 0.001, got {strike!r}"
            raise ValueError(msg)
        if not FIRST_EXPIRY <= self.expiry <= LAST_EXPIRY:
            msg = f"expiry must lie from {FIRST_EXPIRY} to {LAST_EXPIRY}, got {self.expiry!r}: OCC symbols know two digits"
            raise ValueError(msg)

    @classmethod
    def parse(cls, symbol: str) -> OptionContract:
        """Reads an OCC symbol, padded (``"SPXW  180131C02800000"``) or not.

        Args:
            symbol: The symbol.

        Raises:
            ValueError: Not an OCC symbol, an impossible date, or an adjusted root.
        """
        return _parse(symbol)

    @property
    def symbol(self) -> str:
        """The OCC symbol without padding, such as ``"SPXW180131C02800000"``."""
        return _symbol(self)

    @property
    def padded_symbol(self) -> str:
        """The 21-character OCC symbol, root padded with blanks to six characters."""
        return self.root.ljust(6) + self.symbol[len(self.root) :]

    @property
    def underlying(self) -> str:
        """Symbol of what the option is on; ``"SPX"`` for root ``"SPXW"``."""
        terms = _ROOTS.get(self.root)
        return terms.underlying if terms else self.root

    @property
    def settlement(self) -> Settlement:
        """How the contract settles."""
        terms = _ROOTS.get(self.root)
        return terms.settlement if terms else Settlement.PHYSICAL

    @property
    def multiplier(self) -> int:
        """Shares (or index units) a contract stands for."""
        return 100

    def intrinsic(self, underlying_price: Decimal) -> Decimal:
        """Value at exercise, in dollars per share, never negative.

        Args:
            underlying_price: Price or settlement value of the underlying.
        """
        gain = underlying_price - self.strike if self.right is Right.CALL else self.strike - underlying_price
        return max(gain, Decimal(0))

    def __str__(self) -> str:
        return self.symbol


@lru_cache(maxsize=8192)
def _symbol(contract: OptionContract) -> str:
    return f"{contract.root}{contract.expiry:%y%m%d}{contract.right}{int(contract.strike * 1000):08d}"


@lru_cache(maxsize=8192)
def _parse(symbol: str) -> OptionContract:
    match = _OCC.fullmatch(symbol.strip())
    if match is None:
        msg = f"not an OCC option symbol: {symbol!r} (like 'SPXW180131C02800000')"
        raise ValueError(msg)
    digits = match["expiry"]
    try:
        expiry = date(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:]))
    except ValueError as error:
        msg = f"option symbol {symbol!r} has an impossible expiry: {error}"
        raise ValueError(msg) from None
    return OptionContract(
        root=match["root"], expiry=expiry, right=Right(match["right"]), strike=Decimal(match["strike"]).scaleb(-3)
    )
