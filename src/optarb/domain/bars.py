"""Daily bars of one symbol, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from optarb.errors import BadData

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Bars"]

_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, kw_only=True, eq=False)
class Bars:
    """Daily bars of one symbol, oldest first, all columns of one length ``n``.

    Columns of a symbol that has only closes (a volatility index) hold the close in ``open``, ``high`` and ``low`` too and
    zero in ``volume``. Building it does not check the values; :meth:`checked` does.
    """

    symbol: str
    """Symbol, such as ``"SPX"``."""
    sessions: NDArray[np.datetime64]
    """Session dates, ``datetime64[D]``, strictly increasing."""
    open: NDArray[np.float64]
    """Opening prices, dollars per share or index points."""
    high: NDArray[np.float64]
    """Highest prices."""
    low: NDArray[np.float64]
    """Lowest prices."""
    close: NDArray[np.float64]
    """Closing prices."""
    volume: NDArray[np.float64]
    """Traded volume, zero where unknown."""

    def __len__(self) -> int:
        return len(self.sessions)

    @cached_property
    def dates(self) -> list[date]:
        """The sessions as dates."""
        days: list[date] = self.sessions.tolist()
        return days

    @cached_property
    def rows(self) -> dict[date, int]:
        """The row of each session."""
        return {session: row for row, session in enumerate(self.dates)}

    def checked(self) -> Bars:
        """Returns these bars once every value is usable.

        Raises:
            BadData: Columns of unequal length, no rows, sessions duplicate or unsorted, prices NaN, infinite, zero or negative,
                volume NaN or negative, or a high below the low. The message names the first bad session.
        """
        n = len(self.sessions)
        if n == 0:
            msg = f"bars of {self.symbol!r} have no rows"
            raise BadData(msg)
        for name in (*_PRICES, "volume"):
            if len(getattr(self, name)) != n:
                msg = f"bars of {self.symbol!r}: column {name!r} has {len(getattr(self, name))} rows, sessions have {n}"
                raise BadData(msg)
        steps = np.diff(self.sessions)
        self._refuse(np.concatenate(([False], steps == np.timedelta64(0, "D"))), "duplicate session; keep one row per date")
        self._refuse(np.concatenate(([False], steps < np.timedelta64(0, "D"))), "sessions are not sorted; sort by date")
        for name in _PRICES:
            column: NDArray[np.float64] = getattr(self, name)
            self._refuse(~np.isfinite(column), f"{name} is NaN or infinite")
            self._refuse(column <= 0, f"{name} is zero or negative")
        self._refuse(~np.isfinite(self.volume) | (self.volume < 0), "volume is NaN or negative")
        self._refuse(self.high < self.low, "high is below low")
        return self

    def outside_range(self) -> int:
        """Counts the rows whose open or close lies outside low to high, as published index data have now and then."""
        high = np.maximum(self.open, self.close)
        low = np.minimum(self.open, self.close)
        return int(((high > self.high) | (low < self.low)).sum())

    def _refuse(self, bad: NDArray[np.bool_], why: str) -> None:
        if bad.any():
            i = int(np.argmax(bad))
            msg = (
                f"bars of {self.symbol!r}, session {self.sessions[i]}: {why} (open {self.open[i]}, high {self.high[i]}, "
                f"low {self.low[i]}, close {self.close[i]}, volume {self.volume[i]}); mend the source"
            )
            raise BadData(msg)

    def between(self, first: date | None, last: date | None) -> Bars:
        """Returns the bars from ``first`` to ``last``, both inclusive; None leaves that side open."""
        lo = 0 if first is None else int(np.searchsorted(self.sessions, np.datetime64(first, "D"), "left"))
        hi = len(self) if last is None else int(np.searchsorted(self.sessions, np.datetime64(last, "D"), "right"))
        return self.sliced(lo, hi)

    def sliced(self, start: int, stop: int) -> Bars:
        """Returns rows ``start`` to ``stop`` (exclusive) as copies, so that no array's ``base`` reaches past them."""
        columns: dict[str, Any] = {name: getattr(self, name)[start:stop].copy() for name in ("sessions", *_PRICES, "volume")}
        return Bars(symbol=self.symbol, **columns)
