"""Quotes of historical sessions as they were, from files with a time in each row."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from optarb.domain.contract_keys import pack_key, pack_keys
from optarb.domain.money import price
from optarb.domain.quotes import Chain, Quote
from optarb.domain.time import NEW_YORK
from optarb.engine.chain_table import usable_rows
from optarb.errors import BadData, ConfigurationError, UnknownName
from optarb.market_data._columns import OUR_COLUMNS, TEXT_COLUMNS
from optarb.market_data._files import DataFile, find_files
from optarb.market_data._quote_reader import QuoteReader
from optarb.market_data._table_files import ParquetTable
from optarb.trading._same import Same

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.contracts import OptionContract
    from optarb.domain.quote_table import QuoteTable
    from optarb.protocols import TradingCalendar

__all__ = ["IntradayFeed"]

_DATED = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
_KEPT = 8
"""Sessions of underlyings that stay read in a process."""
_SECONDS = 1 << 34
"""More seconds than there are from 1970 to any session."""


@dataclass(frozen=True, kw_only=True)
class IntradayFeed:
    """Quotes as of an instant out of Parquet files that hold many of each contract in a session, each with its time.

    Of each contract the newest quote at or before the instant counts, and never a later one: a part of a second is rounded up.
    Rows that a backtest would drop are dropped here. A chain holds what was quoted together with the newest quote of all, and
    is as old as the oldest quote in it. How old a quote may be to decide anything is the day's own rule,
    :attr:`~optarb.trading.rules.LiveRules.quote_age_seconds`: with snapshots a minute apart, allow a minute.

    Raises:
        ConfigurationError: A parameter out of its range.
        UnknownName: ``columns`` gives a name to a column that is not one of ours.
    """

    quotes_path: str | os.PathLike[str] | Mapping[str, str]
    """Where the files are, as for :class:`~optarb.ParquetMarketData`: a folder or URI with ``SYMBOL.parquet``,
    ``SYMBOL-*.parquet`` or ``SYMBOL/*.parquet``, a file with a column ``symbol``, or a mapping from symbol to a file or
    pattern. A file whose name holds one date, like ``SPY/2024-06-03.parquet``, is opened for that session alone.

    Columns: ``taken_at`` (timestamps with a time zone), ``session``, ``root``, ``expiry``, ``right``, ``strike``, ``bid``,
    ``ask``, and ``underlying_price`` if it is there. Where no column has the session, map it to that of the time:
    ``columns={"session": "taken_at"}``."""
    calendar: TradingCalendar
    """Sessions, and when they close."""
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    """The files' column names by ours."""
    together_seconds: float = 1.0
    """How much older than the newest quote of its underlying one may be to stand in the same chain, zero or more."""
    modelled: bool = False
    """Whether the files hold computed quotes, which marks every fill on them."""

    def __post_init__(self) -> None:
        for ours in self.columns:
            if ours not in OUR_COLUMNS:
                raise UnknownName.of("column", ours, OUR_COLUMNS)
        if not 0.0 <= self.together_seconds < float("inf"):
            raise ConfigurationError(f"together_seconds must be zero or more and finite, got {self.together_seconds!r}")

    def chain(self, symbol: str, at: datetime) -> Chain | None:
        """Returns the quotes that were taken together last, or None if there is none yet in the session.

        Raises:
            BadData: There are no files of the symbol, a column is missing, or a file cannot be read.
        """
        quotes = self._day(symbol, at)
        return None if quotes is None else quotes.chain(at, self.together_seconds)

    def quotes(self, contracts: Sequence[OptionContract], at: datetime) -> Mapping[OptionContract, Quote]:
        """Returns the newest quote of each of some contracts, with its own time; those without one are absent.

        Raises:
            BadData: As for :meth:`chain`.
        """
        found: dict[OptionContract, Quote] = {}
        for contract in contracts:
            quotes = self._day(contract.underlying, at)
            quote = None if quotes is None else quotes.quote(contract, at)
            if quote is not None:
                found[contract] = quote
        return found

    def underlying_price(self, symbol: str, at: datetime) -> Decimal | None:
        """Returns the price beside the newest quotes, or None if there is none yet in the session.

        Raises:
            BadData: As for :meth:`chain`.
        """
        chain = self.chain(symbol, at)
        return None if chain is None or not chain.underlying_price > 0.0 else price(chain.underlying_price)

    def _day(self, symbol: str, at: datetime) -> _DayQuotes | None:
        session = at.astimezone(NEW_YORK).date()
        return _read(Same(self), symbol, session)

    def _files(self, symbol: str, session: date) -> list[DataFile]:
        place = self.quotes_path if isinstance(self.quotes_path, Mapping) else os.fspath(self.quotes_path)
        dated = [(file, _DATED.findall(os.path.basename(file.path))) for file in find_files(place, symbol, ".parquet")]  # noqa: PTH119 - Arrow's paths are text
        return [file for file, days in dated if len(set(days)) != 1 or session.isoformat() in days]


@lru_cache(maxsize=_KEPT)
def _read(same: Same[IntradayFeed], symbol: str, session: date) -> _DayQuotes | None:
    feed = same.held
    text_columns = [feed.columns.get(name, name) for name in TEXT_COLUMNS]
    files = [ParquetTable(file, text_columns) for file in feed._files(symbol, session)]  # noqa: SLF001 - its own module
    reader = QuoteReader(symbol=symbol, files=files, names=feed.columns, taken_at=None, rounded_up=True)
    tables = [table for table in reader.tables(session, session) if len(table)]
    return _DayQuotes.of(symbol, session, tables[0], feed) if tables else None


@dataclass(frozen=True, kw_only=True, eq=False)
class _DayQuotes:
    """The usable quotes of an underlying in a session, sorted by contract and time."""

    symbol: str
    session: date
    modelled: bool
    roots: tuple[str, ...]
    keys: NDArray[np.int64]
    """Each contract once, ascending."""
    order: NDArray[np.int64]
    """Of each quote: number of its contract times ``_SECONDS``, and its time; strictly ascending."""
    bids: NDArray[np.float64]
    asks: NDArray[np.float64]
    underlying_prices: NDArray[np.float64]

    @classmethod
    def of(cls, symbol: str, session: date, table: QuoteTable, feed: IntradayFeed) -> _DayQuotes:
        """Cleans and sorts; of several quotes of a contract at one instant the first counts."""
        if np.isnat(table.taken_at).any():
            raise BadData(f"quotes of {symbol!r} on {session}: rows without a time; each row of an intraday source needs one")
        rows, _ = usable_rows(table, feed.calendar)
        roots = tuple(sorted({table.roots[number] for number in np.unique(table.root_indices[rows])}))
        numbers = np.array([roots.index(root) if root in roots else 0 for root in table.roots], np.int64)
        packed = pack_keys(numbers[table.root_indices[rows]], table.expiries[rows], table.calls[rows], table.strikes[rows])
        keys, which = np.unique(packed, return_inverse=True)
        order, first = np.unique(which * _SECONDS + table.taken_at[rows].astype(np.int64), return_index=True)
        rows = rows[first]
        return cls(
            symbol=symbol,
            session=session,
            modelled=feed.modelled,
            roots=roots,
            keys=keys,
            order=order,
            bids=table.bids[rows],
            asks=table.asks[rows],
            underlying_prices=table.underlying_prices[rows],
        )

    def chain(self, at: datetime, together_seconds: float) -> Chain | None:
        newest = self._newest(np.arange(len(self.keys)), at)
        known = np.flatnonzero(newest >= 0)
        if not len(known):
            return None
        rows = newest[known]
        taken = self.order[rows] % _SECONDS
        last = int(np.max(taken))
        kept = taken >= last - together_seconds
        rows, known, taken = rows[kept], known[kept], taken[kept]
        latest = self.underlying_prices[rows][taken == last]
        priced = latest[np.isfinite(latest)]
        return Chain(
            symbol=self.symbol,
            session=self.session,
            taken_at=datetime.fromtimestamp(int(np.min(taken)), UTC),
            modelled=self.modelled,
            underlying_price=float(np.median(priced)) if len(priced) else float("nan"),
            roots=self.roots,
            keys=self.keys[known],
            bids=self.bids[rows],
            asks=self.asks[rows],
        )

    def quote(self, contract: OptionContract, at: datetime) -> Quote | None:
        if contract.root not in self.roots:
            return None
        key = pack_key(self.roots.index(contract.root), contract)
        number = int(self.keys.searchsorted(key))
        if number == len(self.keys) or self.keys[number] != key:
            return None
        row = int(self._newest(np.array([number]), at)[0])
        if row < 0:
            return None
        return Quote(
            contract=contract,
            bid=price(float(self.bids[row])),
            ask=price(float(self.asks[row])),
            taken_at=datetime.fromtimestamp(int(self.order[row] % _SECONDS), UTC),
            modelled=self.modelled,
        )

    def _newest(self, numbers: NDArray[np.int64], at: datetime) -> NDArray[np.int64]:
        """Of some contracts the row of the newest quote at or before an instant; -1 where there is none."""
        base = numbers * _SECONDS
        rows: NDArray[np.int64] = self.order.searchsorted(base + int(at.timestamp()), "right") - 1
        return np.where((rows >= 0) & (self.order[rows] >= base), rows, -1)
