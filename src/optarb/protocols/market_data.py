"""What optarb asks of market data and calendars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from decimal import Decimal

    from optarb.domain.bars import Bars
    from optarb.domain.dividends import Dividend
    from optarb.domain.quote_table import QuoteTable

__all__ = ["DataKind", "MarketData", "SupportsDividends", "SupportsSettlement", "TradingCalendar"]

DataKind = Literal["bars", "quotes"]
"""What a fingerprint is asked for."""


class MarketData(Protocol):
    """Historical bars and option quotes."""

    def fingerprint(self, symbol: str, kind: DataKind) -> str:
        """Returns a digest of all this source would deliver; equal digests mean equal data.

        Args:
            symbol: The symbol.
            kind: ``"bars"`` or ``"quotes"``.

        Raises:
            BadData: The source has no such data.
        """
        ...

    def bars(self, symbol: str) -> Bars:
        """Returns all daily bars of a symbol as the source has them, oldest first; the ingest checks them.

        Raises:
            BadData: The source has none, or cannot be read.
        """
        ...

    def chains(self, symbol: str, start: date, end: date) -> Iterator[QuoteTable]:
        """Yields the raw option quotes of the sessions from start to end, both inclusive.

        Each table holds whole sessions, no session stands in two tables, and tables follow in time.

        Raises:
            BadData: The source has no quotes of the symbol, or cannot be read.
        """
        ...


@runtime_checkable
class SupportsSettlement(Protocol):
    """Market data that knows official settlement values. They belong to the index's ``bars`` fingerprint."""

    def settlement_value(self, symbol: str, session: date) -> Decimal | None:
        """Returns the value on which AM-settled contracts of an index settle that session, positive, or None if unknown."""
        ...


@runtime_checkable
class SupportsDividends(Protocol):
    """Market data that knows cash dividends. They belong to the share's ``bars`` fingerprint."""

    def dividends(self, symbol: str, first: date, last: date) -> Sequence[Dividend]:
        """Returns the dividends with ex-dates from first to last, both inclusive, oldest first; none where there are none.

        What is not announced may be left out: who asks estimates it from those of a year, so ask for that much of the past.

        Raises:
            BadData: The source knows nothing of the symbol, or cannot be read.
        """
        ...


class TradingCalendar(Protocol):
    """The sessions of an exchange."""

    def sessions(self, start: date, end: date) -> tuple[date, ...]:
        """Returns the sessions from start to end, both inclusive."""
        ...

    def opens_at(self, session: date) -> datetime:
        """Returns when a session opens, aware UTC."""
        ...

    def closes_at(self, session: date) -> datetime:
        """Returns when a session closes, aware UTC; earlier on half days."""
        ...
