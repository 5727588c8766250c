"""Several sources behind one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.errors import BadData
from optarb.protocols import MarketData, SupportsDividends, SupportsSettlement

if TYPE_CHECKING:
    from optarb.domain.bars import Bars
    from optarb.domain.dividends import Dividend
    from optarb.domain.quote_table import QuoteTable
    from optarb.protocols import DataKind

__all__ = ["CombinedMarketData"]


@dataclass(frozen=True, kw_only=True)
class CombinedMarketData:
    """Takes bars from one source and quotes from another, or each symbol from a source of its own.

    Nothing is tried in turn: a source that fails is never replaced by another one in silence.
    """

    bars_from: MarketData | Mapping[str, MarketData]
    """Where bars, settlement values and dividends come from: one source for all symbols, or one by symbol."""
    quotes_from: MarketData | Mapping[str, MarketData]
    """Where option quotes come from: one source for all underlyings, or one by underlying."""

    def __post_init__(self) -> None:
        for name in ("bars_from", "quotes_from"):
            source = getattr(self, name)
            if isinstance(source, Mapping):
                object.__setattr__(self, name, dict(source))

    def fingerprint(self, symbol: str, kind: DataKind) -> str:
        """Returns the fingerprint of the source that delivers.

        Raises:
            BadData: No source is named for the symbol, or that source has no such data.
        """
        return self._source(symbol, kind).fingerprint(symbol, kind)

    def bars(self, symbol: str) -> Bars:
        """Returns the bars of a symbol.

        Raises:
            BadData: No source is named for the symbol, or that source has none.
        """
        return self._source(symbol, "bars").bars(symbol)

    def chains(self, symbol: str, start: date, end: date) -> Iterator[QuoteTable]:
        """Yields the quotes of an underlying.

        Raises:
            BadData: No source is named for the symbol, or that source has none.
        """
        return self._source(symbol, "quotes").chains(symbol, start, end)

    def settlement_value(self, symbol: str, session: date) -> Decimal | None:
        """Returns what the source of the symbol's bars knows of settlement values; None where it knows none."""
        source = self._source(symbol, "bars")
        return source.settlement_value(symbol, session) if isinstance(source, SupportsSettlement) else None

    def dividends(self, symbol: str, first: date, last: date) -> Sequence[Dividend]:
        """Returns what the source of the symbol's bars knows of dividends; none where it knows none.

        Raises:
            BadData: No source is named for the symbol, or that source cannot be read.
        """
        source = self._source(symbol, "bars")
        return source.dividends(symbol, first, last) if isinstance(source, SupportsDividends) else ()

    def _source(self, symbol: str, kind: DataKind) -> MarketData:
        source = self.bars_from if kind == "bars" else self.quotes_from
        if not isinstance(source, Mapping):
            return source
        if symbol not in source:
            msg = f"{kind}_from names no source for {symbol!r}; it has {', '.join(sorted(source)) or 'none'}"
            raise BadData(msg)
        return source[symbol]
