"""What Parquet and CSV sources share."""

from __future__ import annotations

import hashlib
import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

import numpy as np

from optarb._component import canonical
from optarb.errors import BadData, UnknownName
from optarb.market_data._bar_reader import read_bars
from optarb.market_data._columns import BAR_COLUMNS, OUR_COLUMNS, TEXT_COLUMNS
from optarb.market_data._dividend_reader import read_dividends
from optarb.market_data._files import DataFile, digest, find_files
from optarb.market_data._quote_reader import QuoteReader
from optarb.pricing import session_close
from optarb.protocols import TradingCalendar

if TYPE_CHECKING:
    from optarb.domain.bars import Bars
    from optarb.domain.dividends import Dividend
    from optarb.domain.quote_table import QuoteTable
    from optarb.market_data._table_files import TableFile
    from optarb.protocols import DataKind

__all__ = ["FolderMarketData"]

Location = str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]]
"""A folder, a URI or a file; or a file or pattern by symbol."""

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
# Raised by hand when what is delivered for the same bytes and parameters changes.
_VERSION = 1


@dataclass(frozen=True, kw_only=True, init=False)
class FolderMarketData(ABC):
    """Bars and quotes from files on a disk or in object storage."""

    bars_path: str | Mapping[str, str] | None = None
    """Where bars are; None for none. A folder or URI with ``SYMBOL.ext``, ``SYMBOL-*.ext`` or ``SYMBOL/*.ext``; a file
    with a column ``symbol``; or a mapping from symbol to a file or a pattern with ``*`` in its last part."""
    quotes_path: str | Mapping[str, str] | None = None
    """Where option quotes are, by the symbol of the underlying; None for none. As ``bars_path``."""
    dividends_path: str | Mapping[str, str] | None = None
    """Where dividends are: files with the columns ``ex_date``, ``amount`` (dollars a share) and, if some are estimates,
    ``announced``; None for none. As ``bars_path``."""
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    """The files' column names by ours, such as ``{"session": "date"}``; a name that is absent is ours."""
    quoted_at: str = "close"
    """When quotes were taken: ``"close"``, a New York time ``"HH:MM"``, ``"column"`` for the column ``taken_at``, or
    ``"unknown"``."""
    calendar: TradingCalendar | None = None
    """Knows when sessions close, for ``quoted_at="close"``; None for 16:00 in New York on every session, which is three
    hours late on half days."""

    _suffix: ClassVar[str]

    def __init__(
        self,
        *,
        bars: Location | None = None,
        quotes: Location | None = None,
        dividends: Location | None = None,
        columns: Mapping[str, str] | None = None,
        quoted_at: str = "close",
        calendar: TradingCalendar | None = None,
        bars_path: Location | None = None,
        quotes_path: Location | None = None,
        dividends_path: Location | None = None,
    ) -> None:
        """Names the files; nothing is opened.

        Args:
            bars: See ``bars_path``. The field has another name because :meth:`bars` is the method that reads them.
            quotes: See ``quotes_path``.
            dividends: See ``dividends_path``.
            columns: The files' column names by ours.
            quoted_at: When quotes were taken.
            calendar: Knows when sessions close.
            bars_path: The field's own name, for ``dataclasses.replace``.
            quotes_path: As ``bars_path``.
            dividends_path: As ``bars_path``.
        """
        given = ((bars, bars_path), (quotes, quotes_path), (dividends, dividends_path))
        if any(None not in pair for pair in given):
            msg = "give bars or bars_path, quotes or quotes_path, dividends or dividends_path, not both"
            raise ValueError(msg)
        object.__setattr__(self, "bars_path", _plain(bars_path if bars is None else bars))
        object.__setattr__(self, "quotes_path", _plain(quotes_path if quotes is None else quotes))
        object.__setattr__(self, "dividends_path", _plain(dividends_path if dividends is None else dividends))
        object.__setattr__(self, "columns", dict(columns or {}))
        object.__setattr__(self, "quoted_at", quoted_at)
        object.__setattr__(self, "calendar", calendar)
        for ours in self.columns:
            if ours not in OUR_COLUMNS:
                raise UnknownName.of("column", ours, OUR_COLUMNS)
        if self.quoted_at not in {"close", "column", "unknown"} and not _CLOCK.fullmatch(self.quoted_at):
            msg = f'quoted_at must be "close", "column", "unknown" or a New York time "HH:MM", got {self.quoted_at!r}'
            raise ValueError(msg)

    @abstractmethod
    def _open(self, file: DataFile, text_columns: list[str]) -> TableFile:
        """Opens one file."""

    def fingerprint(self, symbol: str, kind: DataKind) -> str:
        """Returns a digest of the files' bytes and of the parameters that change what is delivered.

        Raises:
            BadData: The source has no such data, or cannot be read.
        """
        files = self._files(symbol, kind)
        bars = kind == "bars"
        parameters = {
            "version": _VERSION,
            "format": self._suffix,
            "symbol": symbol,
            "kind": kind,
            "columns": {ours: name for ours, name in self.columns.items() if not bars or ours in BAR_COLUMNS},
            "quoted_at": None if bars else self.quoted_at,
            "calendar": None if bars or self.quoted_at != "close" else canonical(self.calendar),
            "files": [digest(file) for file in files],
        }
        paid = self._dividend_files(symbol) if bars else []
        if paid:
            parameters["dividends"] = [digest(file) for file in paid]
        return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()

    def bars(self, symbol: str) -> Bars:
        """Returns all bars of a symbol as the files have them.

        Raises:
            BadData: There are none, a column is missing, or a file cannot be read.
        """
        return read_bars(symbol, self._tables(symbol, "bars"), self.columns)

    def dividends(self, symbol: str, first: date, last: date) -> Sequence[Dividend]:
        """Returns the dividends with ex-dates from first to last, both inclusive; none without ``dividends_path``.

        Raises:
            BadData: No file is there for the symbol (one without rows says that it pays none), or it cannot be read.
        """
        if self.dividends_path is None:
            return ()
        files = find_files(self.dividends_path, symbol, self._suffix)
        known = read_dividends(symbol, self._opened(files), self.columns)
        return [one for one in known if first <= one.ex_date <= last]

    def chains(self, symbol: str, start: date, end: date) -> Iterator[QuoteTable]:
        """Yields the quotes of the sessions from start to end, both inclusive, in tables of whole sessions.

        Raises:
            BadData: There are none of the symbol, a column is missing, or a file cannot be read.
        """
        taken_at = None if self.quoted_at == "column" else self._taken_at
        reader = QuoteReader(symbol=symbol, files=self._tables(symbol, "quotes"), names=self.columns, taken_at=taken_at)
        return reader.tables(start, end)

    def _files(self, symbol: str, kind: DataKind) -> list[DataFile]:
        location = self.bars_path if kind == "bars" else self.quotes_path
        if location is None:
            msg = f"this source has no {kind} (asked for {symbol!r}); give it {kind}=..."
            raise BadData(msg)
        return find_files(location, symbol, self._suffix)

    def _dividend_files(self, symbol: str) -> list[DataFile]:
        if self.dividends_path is None:
            return []
        try:
            return find_files(self.dividends_path, symbol, self._suffix)
        except BadData:
            return []  # an index, or a share of which nobody asks for dividends

    def _tables(self, symbol: str, kind: DataKind) -> list[TableFile]:
        return self._opened(self._files(symbol, kind))

    def _opened(self, files: list[DataFile]) -> list[TableFile]:
        text_columns = [self.columns.get(name, name) for name in TEXT_COLUMNS]
        return [self._open(file, text_columns) for file in files]

    def _taken_at(self, session: date) -> np.datetime64:
        if self.quoted_at == "unknown":
            return np.datetime64("NaT", "s")
        if self.quoted_at != "close":
            clock = time.fromisoformat(self.quoted_at)
            at = datetime.combine(session, clock, ZoneInfo("America/New_York"))
        elif self.calendar is None or not self.calendar.sessions(session, session):
            at = session_close(session)  # rows of a date that is no session are for the ingest to count
        else:
            at = self.calendar.closes_at(session)
        return np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "s")


def _plain(location: Location | None) -> str | dict[str, str] | None:
    """Writes paths as text, so that the component pickles and compares by plain values."""
    if isinstance(location, Mapping):
        return {symbol: os.fspath(file) for symbol, file in location.items()}
    return None if location is None else os.fspath(location)
