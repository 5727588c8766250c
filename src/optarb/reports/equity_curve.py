"""The equity of a book, session by session, with its drawdown and the underlyings held instead."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from optarb.domain.money import UNITS_PER_DOLLAR, from_units, price
from optarb.reports.frames import frame_of

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["buy_and_hold", "equity_frame"]


def buy_and_hold(capital_usd: float, closes: Sequence[float]) -> list[float]:
    """Values a capital put into an underlying at its first known close, in whatever fraction of a share that takes.

    Args:
        capital_usd: Dollars.
        closes: One a session; NaN where there is none.

    Returns:
        Dollars, one a session: the capital until the first known close, NaN where a later close is missing.
    """
    first = next((number for number, close in enumerate(closes) if not math.isnan(close)), len(closes))
    return [capital_usd] * first + [capital_usd * close / closes[first] for close in closes[first:]]


def equity_frame(
    rows: Iterable[Mapping[str, Any]], capital: int, closes: Mapping[str, Sequence[float]], *, exact: bool = False
) -> DataFrame:
    """Makes the frame of the equity, with the index ``session``.

    Args:
        rows: Rows of the ledger's table ``equity``.
        capital: What the book began with, ledger units; it is the first peak.
        closes: Closes of the underlyings by symbol, one a row.
        exact: Whether money is ``Decimal`` instead of float.
    """
    from pandas import Series

    rows = list(rows)
    frame = frame_of("equity", rows, exact=exact)
    dtype: Any = "object" if exact else "float64"
    equity = [int(row["equity"]) for row in rows]
    peaks = list(accumulate([capital, *equity], max))[1:]
    falls = [peak - value for peak, value in zip(peaks, equity, strict=True)]
    frame["drawdown"] = Series([fall / peak for fall, peak in zip(falls, peaks, strict=True)], dtype="float64")
    frame["drawdown_usd"] = Series([from_units(fall) if exact else fall / UNITS_PER_DOLLAR for fall in falls], dtype=dtype)
    for symbol, known in closes.items():
        held: list[Any] = buy_and_hold(capital / UNITS_PER_DOLLAR, known)
        if exact:
            held = [None if math.isnan(value) else price(value) for value in held]
        frame[f"buy_and_hold_{symbol}_usd"] = Series(held, dtype=dtype)
    return frame.set_index("session")
