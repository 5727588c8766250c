"""Option quotes made of plain rows or of a flat volatility."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np

from optarb.domain.contracts import Settlement
from optarb.domain.quote_table import QuoteTable
from optarb.pricing import black76, quote_down, quote_up, session_close, year_fraction

__all__ = ["QuoteRow", "fake_quote_rows", "fake_quotes", "weekly_root"]

QuoteRow = tuple[date, str, float, float, float]
"""Expiry, ``"C"`` or ``"P"``, strike, bid, ask; prices in dollars per share."""


def fake_quote_rows(
    spot: float,
    *,
    session: date,
    symbol: str = "SPX",
    volatility: float = 0.2,
    expiries: int = 8,
    strikes: int = 41,
    step: float | None = None,
    at: datetime | None = None,
) -> tuple[QuoteRow, ...]:
    """Prices calls and puts of the next Fridays by Black-76 with one volatility, no interest and no dividends.

    Bid and ask lie 1 % below and above the price, rounded outward to the root's increments.

    Args:
        spot: Price of the underlying, which is also every forward; dollars, positive.
        session: The session.
        symbol: The underlying, which decides the increments.
        volatility: Annual fraction.
        expiries: How many Fridays after the session.
        strikes: Strikes of each expiry around the spot; those outside what a contract may have are left out.
        step: Dollars between strikes, a multiple of 0.001; None for a round number near 0.5 % of the spot.
        at: When the quotes are taken, aware; None for 16:00 in New York.

    Raises:
        ValueError: A spot that is not positive and finite.
    """
    if not 0.0 < spot < math.inf:
        raise ValueError(f"spot must be positive and finite, got {spot!r}")
    root, width = weekly_root(symbol), step or _round_step(spot)
    centre = round(spot / width)
    ladder = [round((centre + i - strikes // 2) * width, 3) for i in range(strikes)]
    ladder = [strike for strike in ladder if 0.001 <= strike < 100_000.0]
    rows: list[QuoteRow] = []
    for number in range(expiries):
        expiry = session + timedelta(days=(3 - session.weekday()) % 7 + 1 + 7 * number)
        tau = year_fraction(Settlement.PM, expiry, at or session_close(session))
        for right in "CP":
            price = black76(spot, ladder, tau, volatility, 1.0, call=right == "C")
            bids, asks = quote_down(root, price * 0.99), np.maximum(quote_up(root, price * 1.01), 0.05)
            rows += [
                (expiry, right, strike, bid, ask) for strike, bid, ask in zip(ladder, bids.tolist(), asks.tolist(), strict=True)
            ]
    return tuple(rows)


def fake_quotes(
    rows: Mapping[date, Sequence[QuoteRow]],
    *,
    symbol: str = "SPX",
    root: str | None = None,
    spots: Mapping[date, float] | None = None,
    taken_at: Mapping[date, datetime] | None = None,
    modelled: bool = False,
) -> QuoteTable:
    """Builds raw quotes, as a source of market data delivers them. Nothing is checked: that is the ingest's work.

    Args:
        rows: Rows by session.
        symbol: The underlying.
        root: Option root; None for ``"SPXW"`` if the symbol is ``"SPX"``, else the symbol.
        spots: Price of the underlying by session; where it is absent the source has none.
        taken_at: When a session's quotes were taken, aware; where it is absent at 16:00 in New York.
        modelled: Whether the quotes come from a model.
    """
    flat = [(session, *row) for session in sorted(rows) for row in rows[session]]
    instants = {session: (taken_at or {}).get(session) or session_close(session) for session in rows}
    return QuoteTable(
        sessions=np.array([row[0] for row in flat], dtype="datetime64[D]"),
        roots=(root or weekly_root(symbol),),
        root_indices=np.zeros(len(flat), dtype=np.int64),
        expiries=np.array([row[1] for row in flat], dtype="datetime64[D]"),
        calls=np.array([_is_call(row[2]) for row in flat], dtype=np.bool_),
        strikes=np.array([row[3] for row in flat], dtype=np.float64),
        bids=np.array([row[4] for row in flat], dtype=np.float64),
        asks=np.array([row[5] for row in flat], dtype=np.float64),
        underlying_prices=np.array([(spots or {}).get(row[0], math.nan) for row in flat], dtype=np.float64),
        taken_at=np.array([instants[row[0]].astimezone(UTC).replace(tzinfo=None) for row in flat], dtype="datetime64[s]"),
        modelled=modelled,
    )


def weekly_root(symbol: str) -> str:
    """Returns the root of a symbol's weekly options: ``"SPXW"`` for ``"SPX"``, else the symbol itself."""
    return "SPXW" if symbol == "SPX" else symbol


def _is_call(right: str) -> bool:
    if right not in {"C", "P"}:
        raise ValueError(f'a quote row\'s right must be "C" or "P", got {right!r}')
    return right == "C"


def _round_step(spot: float) -> float:
    """One, two or five times a power of ten, near 0.5 % of the spot, and never finer than strikes are."""
    wanted = max(spot * 0.005, 0.001)
    power: float = 10.0 ** math.floor(math.log10(wanted))
    return max(power * next(digit for digit in (5, 2, 1) if digit * power <= wanted * (1 + 1e-9)), 0.001)
