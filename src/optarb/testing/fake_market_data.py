"""Market data in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from optarb.domain.bars import Bars
from optarb.domain.quote_table import QuoteTable
from optarb.errors import BadData

if TYPE_CHECKING:
    from optarb.protocols import DataKind

__all__ = ["FakeMarketData"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FakeMarketData:
    """Bars and quotes that a test made. It pickles with all its data, so keep them small; equal data compare equal."""

    bars_by_symbol: Mapping[str, Bars]
    """Bars, such as from :func:`~optarb.testing.fake_bars`."""
    quotes_by_symbol: Mapping[str, QuoteTable] = field(default_factory=dict[str, QuoteTable])
    """Quotes by underlying, such as from :func:`~optarb.testing.fake_quotes`."""

    def fingerprint(self, symbol: str, kind: DataKind) -> str:
        """Returns the SHA-256 of all that would be delivered.

        Raises:
            BadData: There is no such data.
        """
        found = self._found(self.bars_by_symbol if kind == "bars" else self.quotes_by_symbol, symbol, kind)
        return _digest(kind, found)

    def bars(self, symbol: str) -> Bars:
        """Returns a copy of a symbol's bars.

        Raises:
            BadData: There are none.
        """
        found: Bars = self._found(self.bars_by_symbol, symbol, "bars")
        return found.sliced(0, len(found))

    def chains(self, symbol: str, start: date, end: date) -> Iterator[QuoteTable]:
        """Yields the quotes of each session from start to end, both inclusive, a table a session.

        Raises:
            BadData: There are no quotes of the symbol.
        """
        table: QuoteTable = self._found(self.quotes_by_symbol, symbol, "quotes")
        first, last = np.datetime64(start, "D"), np.datetime64(end, "D")
        for session in np.unique(table.sessions):
            if first <= session <= last:
                yield _rows_of(table, session)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FakeMarketData) and self._digests() == other._digests()

    def __hash__(self) -> int:
        return hash(tuple(self._digests().items()))

    def _digests(self) -> dict[str, str]:
        found = {f"bars {symbol}": self.fingerprint(symbol, "bars") for symbol in sorted(self.bars_by_symbol)}
        return found | {f"quotes {symbol}": self.fingerprint(symbol, "quotes") for symbol in sorted(self.quotes_by_symbol)}

    @staticmethod
    def _found(by_symbol: Mapping[str, Any], symbol: str, kind: str) -> Any:
        if symbol not in by_symbol:
            raise BadData(f"no {kind} of {symbol!r} here; there are {', '.join(sorted(by_symbol)) or 'none'}")
        return by_symbol[symbol]


def _rows_of(table: QuoteTable, session: np.datetime64) -> QuoteTable:
    rows = table.sessions == session
    return replace(
        table,
        sessions=table.sessions[rows],
        root_indices=table.root_indices[rows],
        expiries=table.expiries[rows],
        calls=table.calls[rows],
        strikes=table.strikes[rows],
        bids=table.bids[rows],
        asks=table.asks[rows],
        underlying_prices=table.underlying_prices[rows],
        taken_at=table.taken_at[rows],
        bid_sizes=None if table.bid_sizes is None else table.bid_sizes[rows],
        ask_sizes=None if table.ask_sizes is None else table.ask_sizes[rows],
    )


def _digest(kind: str, table: Bars | QuoteTable) -> str:
    digest = hashlib.sha256(kind.encode())
    for one in fields(table):
        value = getattr(table, one.name)
        content = value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode()
        digest.update(f"\0{one.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
