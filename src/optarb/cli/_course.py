"""The course of a replayed day as it happens, and what it came to, both read from the store."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TextIO

import typer

from optarb.domain.money import from_units
from optarb.domain.time import NEW_YORK
from optarb.ledger.rows import session_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optarb.ledger.rows import Row
    from optarb.protocols.trading import JournalEntry, TradingStore
    from optarb.trading.running import DayOutcome

__all__ = ["Course", "ReplayedDay", "replayed_day"]

_TOLD = {"order_cancel": "cancelled", "settled": "settled", "assigned": "assigned", "exercised": "exercised"}


@dataclass(kw_only=True)
class Course:
    """Prints what is new in a book's journal: orders, fills, exits and alarms, by New York's clock."""

    store: TradingStore
    """Where the book is."""
    book_id: str
    """The book."""
    out: TextIO
    """Where to print."""
    _session: date | None = field(default=None, init=False)
    _entries: int = field(default=0, init=False)
    _fills: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int], init=False)
    _orders: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, "Mapping[str, Any]"], init=False)

    def show(self, session: date) -> None:
        """Prints what a session's journal has more than at the last call.

        Args:
            session: The session at work.
        """
        if session != self._session:
            self._session, self._entries, self._fills = session, 0, {}
            typer.echo(f"{session:%Y-%m-%d %A}", file=self.out)
        journal = self.store.journal(self.book_id, session)
        for entry in journal[self._entries :]:
            self._tell(entry)
        self._entries = len(journal)

    def _tell(self, entry: JournalEntry) -> None:
        detail: dict[str, Any] = json.loads(entry.detail)
        if entry.kind == "order_intent":
            self._orders[entry.subject] = detail
        for what, text in self._lines(entry, detail):
            typer.echo(f"  {entry.at.astimezone(NEW_YORK):%H:%M:%S}  {what:<10} {text}", file=self.out)

    def _lines(self, entry: JournalEntry, detail: Mapping[str, Any]) -> list[tuple[str, str]]:
        """What an entry says, as what and text; nothing for what only the record needs."""
        match entry.kind:
            case "decided":
                lines = [("decided", f"entries: {detail['entries']}")]
            case "no_entries":
                lines = [("no entries", ": ".join(filter(None, [detail["outcome"], *detail["stops"].values()])))]
            case "order_sent":
                lines = [("sent", self._order(entry.subject))]
            case "order_report":
                ended = [] if detail["state"] == "filled" else [(str(detail["state"]), self._order(entry.subject))]
                lines = [*(self._filled(entry.subject) if detail["filled"] else []), *ended]
            case "exit_decided":
                lines = [("exit", f"{entry.subject}  {detail['reason']}")]
            case "alarm" | "warning":
                lines = [(entry.kind, f"{detail['title']}: {detail['text']}")]
            case kind if kind in _TOLD:
                lines = [(_TOLD[kind], f"{entry.subject}  {_words(detail)}".rstrip())]
            case _:
                lines = []
        return lines

    def _order(self, order_id: str) -> str:
        order = self._orders.get(order_id)
        if order is None:
            return order_id
        legs = " ".join(f"{quantity:+d} {symbol}" for symbol, quantity in order["legs"])
        limit = "at the market" if order["limit"] is None else f"limit {Decimal(order['limit']):f}"
        return f"{order['position_id']}  {order['purpose']} {order['attempt']}  {legs}  {limit}"

    def _filled(self, order_id: str) -> list[tuple[str, str]]:
        """Fills of an order's position and purpose that were not told yet."""
        _, position_id, purpose, *_ = order_id.split("/")
        number = session_number(self._session or date.min)
        rows = [row for row in self.store.rows(self.book_id, "fills", number, number) if row[2:4] == (position_id, purpose)]
        told = self._fills.get((position_id, purpose), 0)
        self._fills[position_id, purpose] = len(rows)
        return [("filled", _fill(row)) for row in rows[told:]]


def _fill(row: Row) -> str:
    price, fees = from_units(int(row[6] or 0)), from_units(int(row[7] or 0))
    origin = "modelled" if row[11] else "quoted"
    return f"{row[2]}  {int(row[5] or 0):+d} {row[4]}  at {price} ({origin})  fees {fees}"


def _words(detail: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(detail.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedDay:
    """What a session came to. Amounts in dollars."""

    session: date
    """The session."""
    outcome: DayOutcome
    """What became of the entries."""
    opened: int
    """Positions that began to be opened."""
    closed: int
    """Positions that ended."""
    open_positions: int
    """Positions held at its end."""
    fills: int
    """Fills of single contracts."""
    modelled: int
    """Those at a modelled price; the others are at quotes of a market."""
    fees_usd: Decimal
    """Fees of the session."""
    equity_usd: Decimal
    """Cash and marks at its end."""
    profit_usd: Decimal
    """Equity less what it was before: at the end of the session before, or when the replay began."""
    needs_human: tuple[str, ...]
    """Why a person would have had to look."""


def replayed_day(
    store: TradingStore,
    book_id: str,
    session: date,
    *,
    outcome: DayOutcome,
    open_positions: int,
    needs_human: tuple[str, ...],
    before_usd: Decimal | None,
) -> ReplayedDay:
    """Reads what a session came to.

    Args:
        store: Where the book is.
        book_id: The book.
        session: The session.
        outcome: What the day said of its entries.
        open_positions: What the day said is held.
        needs_human: What the day said of people.
        before_usd: Equity at the end of the session before; None to take what the session began with.
    """
    number = session_number(session)
    rows = {name: store.rows(book_id, name, number, number) for name in ("fills", "exits")}
    journal = store.journal(book_id, session)
    ended, begun = _equity(journal, "day_ended"), _equity(journal, "day_begun")
    equity = ended if ended is not None else begun or Decimal(0)
    before = before_usd if before_usd is not None else begun
    return ReplayedDay(
        session=session,
        outcome=outcome,
        opened=len({row[2] for row in rows["fills"] if row[3] == "open" and str(row[2]).startswith(f"{number}.")}),
        closed=len(rows["exits"]),
        open_positions=open_positions,
        fills=len(rows["fills"]),
        modelled=sum(bool(row[11]) for row in rows["fills"]),
        fees_usd=sum((from_units(int(row[7] or 0)) for row in rows["fills"]), Decimal(0)),
        equity_usd=equity,
        profit_usd=Decimal(0) if before is None else equity - before,
        needs_human=needs_human,
    )


def _equity(journal: Any, kind: str) -> Decimal | None:
    found = [json.loads(entry.detail)["equity"] for entry in journal if entry.kind == kind]
    return from_units(int(found[-1])) if found else None
