"""Bars made of closes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from optarb.domain.bars import Bars
from optarb.testing.fake_calendar import FakeCalendar

if TYPE_CHECKING:
    from optarb.protocols import TradingCalendar

__all__ = ["FAKE_SESSION", "fake_bars"]

FAKE_SESSION = date(2024, 6, 3)
"""The session of all fakes unless another is named: a Monday, whose Friday of four weeks later is 2024-06-28."""


def fake_bars(
    closes: Sequence[float] | None = None,
    *,
    symbol: str = "SPX",
    last: date = date(2024, 5, 31),
    calendar: TradingCalendar | None = None,
) -> Bars:
    """Builds daily bars that end on a session.

    A bar opens at the close before; high and low lie 0.2 % beyond open and close. The volume is a million.

    Args:
        closes: Closing prices, oldest first, at least one; None for 300 closes that wave around 5,000.
        symbol: The symbol.
        last: Session of the last close; the default is the session before :data:`FAKE_SESSION`.
        calendar: Whose sessions the bars have; None for every weekday.

    Raises:
        ValueError: No closes, or ``last`` is no session.
        BadData: A close that no bar may have, such as NaN or zero.
    """
    close = np.array(_waves() if closes is None else closes, dtype=np.float64)
    if not len(close):
        raise ValueError("fake_bars needs at least one close")
    known = (calendar or FakeCalendar()).sessions(last - timedelta(days=2 * len(close) + 20), last)
    if not known or known[-1] != last:
        raise ValueError(f"last must be a session, got {last}; the one before is {known[-1] if known else None}")
    opened = np.concatenate((close[:1], close[:-1]))
    return Bars(
        symbol=symbol,
        sessions=np.array(known[-len(close) :], dtype="datetime64[D]"),
        open=opened,
        high=np.maximum(opened, close) * 1.002,
        low=np.minimum(opened, close) * 0.998,
        close=close,
        volume=np.full(len(close), 1e6),
    ).checked()


def _waves() -> list[float]:
    """Two sine waves: every indicator is defined, and no generator's stream decides a test."""
    return [round(5000.0 * math.exp(0.06 * math.sin(i / 17) + 0.02 * math.sin(i / 3.1)), 2) for i in range(300)]
