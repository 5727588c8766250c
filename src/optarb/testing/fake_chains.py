"""A chain of one instant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime

import numpy as np

from optarb.domain.quotes import Chain
from optarb.domain.time import require_utc
from optarb.engine.chain_table import clean_quotes
from optarb.pricing import session_close
from optarb.testing.fake_bar_series import FAKE_SESSION
from optarb.testing.fake_calendar import FakeCalendar
from optarb.testing.fake_quote_tables import QuoteRow, fake_quote_rows, fake_quotes, weekly_root

__all__ = ["fake_chain"]


def fake_chain(
    rows: Sequence[QuoteRow] | None = None,
    *,
    symbol: str = "SPX",
    session: date = FAKE_SESSION,
    spot: float | None = None,
    root: str | None = None,
    volatility: float = 0.2,
    taken_at: datetime | None = None,
    modelled: bool | None = None,
) -> Chain:
    """Builds an option chain from rows, or a modelled one.

    Args:
        rows: ``(expiry, "C" or "P", strike, bid, ask)``, in any order; empty for a chain without quotes; None for a
            model's rows, see :func:`~optarb.testing.fake_quote_rows`.
        symbol: The underlying.
        session: The session.
        spot: Price of the underlying beside the chain; None for none with rows, for 5,000 without.
        root: Option root; None for ``"SPXW"`` if the symbol is ``"SPX"``, else the symbol.
        volatility: Annual fraction, of a modelled chain.
        taken_at: When the quotes were taken, aware; None for 16:00 in New York.
        modelled: What the quotes are marked as; None for True without rows, False with them.

    Raises:
        ValueError: Rows that a backtest would drop: crossed, negative, expired, unquoted or twice.
    """
    at = session_close(session) if taken_at is None else require_utc(taken_at, "taken_at")
    if rows is None:
        spot = 5000.0 if spot is None else spot
        chosen = fake_quote_rows(spot, session=session, symbol=symbol, volatility=volatility, at=at)
    else:
        chosen = tuple(rows)
    is_modelled = rows is None if modelled is None else modelled
    price = math.nan if spot is None else spot
    table = fake_quotes(
        {session: chosen}, symbol=symbol, root=root, spots={session: price}, taken_at={session: at}, modelled=is_modelled
    )
    cleaned, counts = clean_quotes(table, symbol, FakeCalendar())
    dropped = {kind: number for kind, number in counts.items() if kind != "zero_bid"}
    if dropped:
        raise ValueError(f"the rows of a fake chain must all be usable, but a backtest would drop {dropped}; mend them")
    return cleaned.chain(session) or Chain(
        symbol=symbol,
        session=session,
        taken_at=at,
        modelled=is_modelled,
        underlying_price=price,
        roots=(root or weekly_root(symbol),),
        keys=np.empty(0, dtype=np.int64),
        bids=np.empty(0, dtype=np.float64),
        asks=np.empty(0, dtype=np.float64),
    )
