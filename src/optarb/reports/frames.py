"""Ledger rows as pandas frames whose columns and dtypes do not depend on what is in them.

pandas is imported at the first call: it costs 0.2 s, and a run that prints its figures does not need it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Literal

from optarb.domain.money import UNITS_PER_DOLLAR, from_units
from optarb.ledger.rows import session_date

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from optarb.reports.trades import Trade

__all__ = ["FRAMES", "Kind", "frame_of", "trades_frame"]

Kind = Literal["session", "instant", "text", "int", "count", "real", "money", "flag", "json"]
"""What a column holds.

``session``: a date; ``instant``: an aware UTC time or none; ``int``: a whole number; ``count``: a whole number or none;
``real``: a float, NaN where there is none; ``money``: ledger units, or none; ``flag``: true or false; ``json``: text,
read into Python values."""

_Source = tuple[str, str, Kind]
"""Name in the ledger, name in the frame, kind."""

FRAMES: Final[Mapping[str, tuple[_Source, ...]]] = {
    "signals": (
        ("session", "session", "session"),
        ("expert", "expert", "text"),
        ("underlying", "underlying", "text"),
        ("direction", "direction", "text"),
        ("confidence", "confidence", "real"),
        ("structure", "structure", "text"),
        ("legs", "legs", "text"),
        ("no_fit", "no_fit", "text"),
        ("reasons", "reasons", "json"),
        ("proposals", "proposals", "json"),
    ),
    "verdicts": (
        ("session", "session", "session"),
        ("expert", "expert", "text"),
        ("underlying", "underlying", "text"),
        ("verdict", "verdict", "text"),
        ("rule", "rule", "text"),
        ("reason", "reason", "text"),
        ("numbers", "numbers", "json"),
    ),
    "intents": (
        ("session", "session", "session"),
        ("position_id", "trade_id", "text"),
        ("purpose", "purpose", "text"),
        ("attempt", "attempt", "int"),
        ("units", "units", "int"),
        ("legs", "legs", "text"),
        ("limit_price", "limit_usd", "money"),
        ("reason", "reason", "text"),
    ),
    "fills": (
        ("session", "session", "session"),
        ("position_id", "trade_id", "text"),
        ("purpose", "purpose", "text"),
        ("contract", "contract", "text"),
        ("quantity", "quantity", "int"),
        ("price", "price_usd", "money"),
        ("cash", "cash_usd", "money"),
        ("fees", "fees_usd", "money"),
        ("bid", "bid_usd", "money"),
        ("ask", "ask_usd", "money"),
        ("taken_at", "taken_at", "instant"),
        ("modelled", "modelled", "flag"),
    ),
    "events": (
        ("session", "session", "session"),
        ("position_id", "trade_id", "text"),
        ("kind", "kind", "text"),
        ("contract", "contract", "text"),
        ("quantity", "quantity", "int"),
        ("price", "price_usd", "money"),
        ("cash", "cash_usd", "money"),
        ("detail", "detail", "text"),
    ),
    "exits": (
        ("session", "session", "session"),
        ("position_id", "trade_id", "text"),
        ("reason", "reason", "text"),
        ("value", "value_usd", "money"),
        ("gain", "gain_usd", "money"),
        ("held_sessions", "held_sessions", "int"),
    ),
    "marks": (
        ("session", "session", "session"),
        ("position_id", "trade_id", "text"),
        ("contract", "contract", "text"),
        ("quantity", "quantity", "int"),
        ("mark", "mark_usd", "money"),
        ("quoted", "quoted", "flag"),
    ),
    "notes": (
        ("session", "session", "session"),
        ("position_id", "trade_id", "text"),
        ("note", "note", "json"),
    ),
    "equity": (
        ("session", "session", "session"),
        ("cash", "cash_usd", "money"),
        ("positions_value", "positions_value_usd", "money"),
        ("equity", "equity_usd", "money"),
        ("realised", "realised_usd", "money"),
        ("invested", "invested_usd", "money"),
        ("open_positions", "open_positions", "int"),
        ("unquoted", "unquoted", "int"),
        ("has_chain", "has_chain", "flag"),
    ),
}
"""Columns of each ledger table's frame."""

_TRADES: Final[tuple[tuple[str, Kind, Callable[[Trade], Any]], ...]] = (
    ("trade_id", "text", lambda trade: trade.trade_id),
    ("expert", "text", lambda trade: trade.expert),
    ("underlying", "text", lambda trade: trade.underlying),
    ("direction", "text", lambda trade: trade.direction),
    ("structure", "text", lambda trade: trade.structure),
    ("confidence", "real", lambda trade: trade.confidence),
    ("units", "int", lambda trade: trade.units),
    ("legs", "text", lambda trade: trade.legs),
    ("opened", "session", lambda trade: trade.opened),
    ("closed", "session", lambda trade: trade.closed),
    ("held_sessions", "count", lambda trade: trade.held_sessions),
    ("exit_reason", "text", lambda trade: trade.exit_reason),
    ("premium_usd", "money", lambda trade: trade.premium),
    ("proceeds_usd", "money", lambda trade: trade.proceeds),
    ("fees_usd", "money", lambda trade: trade.fees),
    ("pnl_usd", "money", lambda trade: trade.pnl),
    ("max_loss_usd", "money", lambda trade: trade.max_loss),
    ("return_on_premium", "real", lambda trade: trade.return_on_premium),
    ("return_on_risk", "real", lambda trade: trade.return_on_risk),
    ("modelled", "flag", lambda trade: trade.modelled),
)


def frame_of(table: str, rows: Iterable[Mapping[str, Any]], *, exact: bool = False) -> DataFrame:
    """Makes the frame of a ledger table.

    Args:
        table: A name in :data:`FRAMES`.
        rows: Rows by the ledger's column names; for ``session`` a number ``YYYYMMDD``.
        exact: Whether money is ``Decimal`` instead of float.
    """
    from pandas import DataFrame

    rows = list(rows)
    columns = {}
    for source, name, kind in FRAMES[table]:
        values = [row[source] for row in rows]
        if kind == "session":
            values = [session_date(value) for value in values]
        columns[name] = _column(values, kind, exact=exact)
    return DataFrame(columns)


def trades_frame(trades: Sequence[Trade], *, exact: bool = False) -> DataFrame:
    """Makes the frame of trades, one row a position, with the index ``trade_id``.

    Args:
        trades: The trades.
        exact: Whether money is ``Decimal`` instead of float.
    """
    from pandas import DataFrame

    columns = {name: _column([value(trade) for trade in trades], kind, exact=exact) for name, kind, value in _TRADES}
    return DataFrame(columns).set_index("trade_id")


def _column(values: list[Any], kind: Kind, *, exact: bool) -> Series[Any]:
    """Makes one column; the dtype follows from the kind alone."""
    from pandas import Series, to_datetime

    if kind == "instant":
        return Series(to_datetime(values, utc=True, format="ISO8601").astype("datetime64[ns, UTC]"))
    if kind == "money":
        values = [_money(value, exact=exact) for value in values]
    elif kind == "session":
        values = [_iso(value) for value in values]
    elif kind == "json":
        values = [json.loads(value) for value in values]
    return Series(values, dtype=_DTYPES[kind] if not (exact and kind == "money") else "object")


_DTYPES: Final[Mapping[Kind, Any]] = {
    "session": "datetime64[ns]",
    "text": "str",
    "int": "int64",
    "count": "Int64",
    "real": "float64",
    "money": "float64",
    "flag": "bool",
    "json": "object",
}


def _money(units: int | None, *, exact: bool) -> Any:
    if units is None:
        return None
    return from_units(units) if exact else units / UNITS_PER_DOLLAR


def _iso(session: date | None) -> str | None:
    return None if session is None else session.isoformat()
