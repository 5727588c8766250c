"""Bars of a symbol made from those of another, for want of its own."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from optarb.domain.bars import Bars
from optarb.protocols import MarketData, SupportsSettlement

if TYPE_CHECKING:
    from optarb.domain.quote_table import QuoteTable
    from optarb.protocols import DataKind

__all__ = ["ScaledBars"]


@dataclass(frozen=True, kw_only=True)
class ScaledBars:
    """Models the daily bars of one symbol as a fixed fraction of another's; everything else is passed on unchanged.

    The defaults make SPY of the S&P 500 index. The real fund trades near a tenth of the index, but pays dividends, charges
    fees and opens when the index is not yet quoted in all its members; none of that is in these bars.

    Raises:
        ValueError: A factor that is not positive and finite, or one symbol in both places.
    """

    data: MarketData
    """Where the bars of ``source`` and of every other symbol are."""
    symbol: str = "SPY"
    """Symbol whose bars are modelled; what ``data`` has of it is not looked at."""
    source: str = "SPX"
    """Symbol whose bars are scaled."""
    factor: float = 0.1
    """Prices of ``symbol`` over those of ``source``. They are rounded to 0.01; the volume is zero, for it is unknown."""

    def __post_init__(self) -> None:
        if not 0.0 < self.factor < math.inf:
            msg = f"factor must be positive and finite, got {self.factor!r}"
            raise ValueError(msg)
        if self.symbol == self.source:
            msg = f"symbol and source must differ, both are {self.symbol!r}"
            raise ValueError(msg)

    def fingerprint(self, symbol: str, kind: DataKind) -> str:
        """Returns the digest of what the bars are made of, or that of ``data`` for everything else."""
        if symbol != self.symbol or kind != "bars":
            return self.data.fingerprint(symbol, kind)
        inputs = ["scaled bars 1", self.symbol, self.data.fingerprint(self.source, "bars"), float(self.factor).hex()]
        return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()

    def bars(self, symbol: str) -> Bars:
        """Returns the bars of a symbol.

        Raises:
            BadData: ``data`` has none of it, or none of ``source``.
        """
        if symbol != self.symbol:
            return self.data.bars(symbol)
        bars = self.data.bars(self.source)
        prices = {name: np.round(getattr(bars, name) * self.factor, 2) for name in ("open", "high", "low", "close")}
        return Bars(symbol=symbol, sessions=bars.sessions.copy(), volume=np.zeros(len(bars)), **prices)

    def chains(self, symbol: str, start: date, end: date) -> Iterator[QuoteTable]:
        """Yields the quotes that ``data`` has."""
        return self.data.chains(symbol, start, end)

    def settlement_value(self, symbol: str, session: date) -> Decimal | None:
        """Passes on what ``data`` knows; None of the modelled symbol, and where it knows none."""
        if symbol == self.symbol or not isinstance(self.data, SupportsSettlement):
            return None
        return self.data.settlement_value(symbol, session)
