"""The story of one trade: why it was opened, on which quotes, what it was worth day by day, and why it ended."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import TYPE_CHECKING, Any

from optarb.domain.contracts import OptionContract
from optarb.errors import UnknownName
from optarb.ledger.rows import session_date, session_number
from optarb.reports._words import counted, dollars, new_york, per_share, percent
from optarb.reports.trades import Trade, named_rows, read_trades

if TYPE_CHECKING:
    from optarb.protocols import BacktestStore

__all__ = ["Explanation", "explain_trade"]

_Rows = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything the book knows of one trade; ``str()`` tells it in words.

    Rows are mappings by the names of ``optarb.ledger.rows.TABLES``, money in ledger units of 1/10,000 dollar.
    """

    trade: Trade
    """The round trip."""
    signals: _Rows
    """Every expert's signals of the opening session, so that what was not taken stands beside what was."""
    verdicts: _Rows
    """What became of each of them."""
    intents: _Rows
    """Orders of the trade."""
    fills: _Rows
    """Fills with the quotes they were made on."""
    marks: _Rows
    """What each contract was marked at, at the end of each session it was held through."""
    notes: _Rows
    """The position manager's notes."""
    exits: _Rows
    """Decisions to exit, with the figures; the last one ended the trade."""
    events: _Rows
    """Settlements and closings without an order."""

    def __str__(self) -> str:
        parts = (
            _head(self.trade),
            _part(f"Signals of {self.trade.opened}", map(self._signal, self.signals)),
            _part("Verdicts", map(self._verdict, self.verdicts)),
            _part("Orders", map(_intent, self.intents)),
            _part("Fills", map(_fill, self.fills)),
            _part("Marks at the end of the session", map(_mark, self.marks)),
            _part("Notes", (f"{session_date(row['session'])}  {row['note']}" for row in self.notes)),
            _part("Exit", (_exit(row, self.trade) for row in self.exits)),
            _part("Settlement", map(_event, self.events)),
        )
        return "\n\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"

    def _signal(self, row: Mapping[str, Any]) -> str:
        chosen = row["no_fit"] or row["legs"]
        told = (
            f"{self._pointer(row)} {row['expert']} on {row['underlying']}: {row['direction']}, "
            f"confidence {row['confidence']:g}, {row['structure']} -> {chosen}"
        )
        return "\n".join([told, *(f"      {reason}" for reason in json.loads(row["reasons"]))])

    def _verdict(self, row: Mapping[str, Any]) -> str:
        numbers = ", ".join(f"{name} {value}" for name, value in json.loads(row["numbers"]).items())
        told = f"{self._pointer(row)} {row['expert']} on {row['underlying']}: {row['verdict']}"
        if row["position_id"] is not None:
            told += f" as {row['position_id']}, {counted(row['units'], 'unit')}"
        if row["rule"]:
            told += f" by {row['rule']}: {row['reason']}"
        return f"{told} ({numbers})" if numbers else told

    def _pointer(self, row: Mapping[str, Any]) -> str:
        mine = (row["expert"], row["underlying"]) == (self.trade.expert, self.trade.underlying)
        return "*" if mine else " "


def explain_trade(store: BacktestStore, book_id: str, trade_id: str) -> Explanation:
    """Gathers what the book knows of a trade.

    Args:
        store: Where the book is.
        book_id: The book.
        trade_id: The position's id.

    Raises:
        UnknownName: No such trade in the book.
    """
    trades = {trade.trade_id: trade for trade in read_trades(store, book_id)}
    trade = trades.get(trade_id)
    if trade is None:
        raise UnknownName.of("trade", trade_id, trades)
    first = session_number(trade.opened)
    last = None if trade.closed is None else session_number(trade.closed)

    def of_the_trade(table: str) -> _Rows:
        rows = named_rows(store, book_id, table, first, last)
        return tuple(row for row in rows if row["position_id"] == trade_id)

    return Explanation(
        trade=trade,
        signals=tuple(named_rows(store, book_id, "signals", first, first)),
        verdicts=tuple(named_rows(store, book_id, "verdicts", first, first)),
        **{table: of_the_trade(table) for table in ("intents", "fills", "marks", "notes", "exits", "events")},
    )


def _head(trade: Trade) -> str:
    end = "still open"
    if trade.closed is not None:
        sessions = counted(trade.held_sessions or 0, "session")
        end = f"closed {trade.closed} after {sessions}: {trade.exit_reason}"
    on_premium, on_risk = (percent(value, signed=True) for value in (trade.return_on_premium, trade.return_on_risk))
    return (
        f"Trade {trade.trade_id}: {trade.expert}, {trade.direction} {trade.underlying}, {trade.structure}, "
        f"{counted(trade.units, 'unit')}\n"
        f"  {trade.legs}\n"
        f"  opened {trade.opened}, {end}\n"
        f"  premium {dollars(trade.premium)}, proceeds {dollars(trade.proceeds)}, fees {dollars(trade.fees)}, "
        f"P&L {dollars(trade.pnl, signed=True)}\n"
        f"  gain before fees {dollars(trade.gain, signed=True)}: {on_premium} of the premium, {on_risk} of the risk"
    )


def _part(title: str, lines: Iterable[str]) -> str:
    told = [f"  {line}" for line in lines]
    return "\n".join([title, *told]) if told else ""


def _intent(row: Mapping[str, Any]) -> str:
    limit = "" if row["limit_price"] is None else f", limit {per_share(row['limit_price'])} a share"
    return f"{_day(row)}  {row['purpose']}, attempt {row['attempt']}: {row['legs']}{limit} ({row['reason']})"


def _fill(row: Mapping[str, Any]) -> str:
    kind = "modelled quote" if row["modelled"] else "quote"
    return (
        f"{_day(row)}  {row['purpose']} {row['quantity']:+d} {row['contract']} at {per_share(row['price'])}, "
        f"cash {dollars(row['cash'], signed=True)}, fees {dollars(row['fees'])}; "
        f"{kind} {per_share(row['bid'])} / {per_share(row['ask'])} taken {new_york(row['taken_at'])}"
    )


def _mark(row: Mapping[str, Any]) -> str:
    value = row["mark"] * row["quantity"] * OptionContract.parse(row["contract"]).multiplier
    told = f"{_day(row)}  {row['quantity']:+d} {row['contract']} at {per_share(row['mark'])}, worth {dollars(value)}"
    return told if row["quoted"] else f"{told}; unquoted, an older mark"


def _exit(row: Mapping[str, Any], trade: Trade) -> str:
    gain = percent(row["gain"] / abs(trade.premium), signed=True) if trade.premium else "none"
    return (
        f"{_day(row)}  {row['reason']}: value {dollars(row['value'])}, gain before fees "
        f"{dollars(row['gain'], signed=True)} ({gain} of the premium), held {counted(row['held_sessions'], 'session')}"
    )


def _event(row: Mapping[str, Any]) -> str:
    return (
        f"{_day(row)}  {row['kind']} {row['quantity']:+d} {row['contract']} at {per_share(row['price'])}, "
        f"cash {dollars(row['cash'], signed=True)}: {row['detail']}"
    )


def _day(row: Mapping[str, Any]) -> date:
    return session_date(row["session"])
