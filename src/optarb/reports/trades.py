"""Round trips, folded from a book's rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from optarb.ledger.rows import TABLES, Row, session_date

if TYPE_CHECKING:
    from optarb.protocols import BacktestStore

__all__ = ["Trade", "read_trades"]


@dataclass(slots=True, kw_only=True)
class Trade:
    """One position from its opening to its end; money in ledger units of 1/10,000 dollar."""

    trade_id: str
    """The position's id."""
    expert: str = ""
    """Name of the expert."""
    underlying: str = ""
    """Symbol the signal was about."""
    direction: str = ""
    """Expected direction."""
    structure: str = ""
    """The structure, in words."""
    confidence: float = 0.0
    """The signal's, 0..1."""
    units: int = 0
    """Units opened."""
    legs: str = ""
    """What was opened, such as ``"+1 SPXW180131C02800000"``."""
    opened: date | None = None
    """Session of the opening fill."""
    closed: date | None = None
    """Session of the end; None while open."""
    held_sessions: int = 0
    """Sessions between."""
    exit_reason: str = ""
    """Why it ended; empty while open."""
    premium: int = 0
    """Net cash paid at the opening: positive for a debit."""
    proceeds: int = 0
    """Net cash received at the end."""
    fees: int = 0
    """All fees."""
    modelled: bool = False
    """Whether any fill was made on a modelled quote."""
    open_lots: dict[str, int] = field(default_factory=dict[str, int], repr=False)
    """Contracts still held."""

    @property
    def pnl(self) -> int:
        """Result after fees; only final once the trade is closed."""
        return self.proceeds - self.premium - self.fees


def _named(table: str, rows: Iterable[Row]) -> Iterable[dict[str, Any]]:
    names = [column.name for column in TABLES[table].columns]
    return (dict(zip(names, row, strict=True)) for row in rows)


def read_trades(store: BacktestStore, book_id: str) -> list[Trade]:
    """Folds fills, events, exits and verdicts into round trips, in the order of opening.

    Args:
        store: Where the book is.
        book_id: The book.
    """
    trades: dict[str, Trade] = {}
    for fill in _named("fills", store.rows(book_id, "fills")):
        _add_fill(trades.setdefault(fill["position_id"], Trade(trade_id=fill["position_id"])), fill)
    for event in _named("events", store.rows(book_id, "events")):
        _add_event(trades[event["position_id"]], event)
    for exit_ in _named("exits", store.rows(book_id, "exits")):
        trade = trades[exit_["position_id"]]
        trade.exit_reason, trade.held_sessions = exit_["reason"], exit_["held_sessions"]
    _add_signals(trades, store, book_id)
    return list(trades.values())


def _add_fill(trade: Trade, fill: dict[str, Any]) -> None:
    session = session_date(fill["session"])
    cash = -fill["price"] * fill["quantity"] * 100
    trade.fees += fill["fees"]
    trade.modelled |= bool(fill["modelled"])
    if fill["purpose"] == "open":
        trade.opened = session
        trade.premium -= cash
        trade.legs = f"{trade.legs} {fill['quantity']:+d} {fill['contract']}".strip()
    else:
        trade.proceeds += cash
    _hold(trade, fill["contract"], fill["quantity"], session)


def _add_event(trade: Trade, event: dict[str, Any]) -> None:
    gross = event["price"] * event["quantity"] * 100
    trade.proceeds += gross
    trade.fees += gross - event["cash"]
    _hold(trade, event["contract"], -event["quantity"], session_date(event["session"]))


def _hold(trade: Trade, contract: str, quantity: int, session: date) -> None:
    held = trade.open_lots.get(contract, 0) + quantity
    trade.open_lots[contract] = held
    trade.closed = None if any(trade.open_lots.values()) else session


def _add_signals(trades: dict[str, Trade], store: BacktestStore, book_id: str) -> None:
    entered = {
        (verdict["session"], verdict["expert"], verdict["underlying"]): verdict
        for verdict in _named("verdicts", store.rows(book_id, "verdicts"))
        if verdict["position_id"] is not None
    }
    if not entered:
        return
    for signal in _named("signals", store.rows(book_id, "signals")):
        verdict = entered.get((signal["session"], signal["expert"], signal["underlying"]))
        if verdict is None:
            continue
        trade = trades[verdict["position_id"]]
        trade.units = verdict["units"]
        for name in ("expert", "underlying", "direction", "structure", "confidence"):
            setattr(trade, name, signal[name])
