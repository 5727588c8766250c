"""What happened in one session of a live book, read from what the store keeps of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from optarb.domain.money import from_units
from optarb.errors import BookNotFound
from optarb.ledger.rows import TABLES, session_number
from optarb.protocols.trading import Severity

if TYPE_CHECKING:
    from pandas import DataFrame

    from optarb.protocols.trading import JournalEntry, TradingStore

__all__ = ["Alarm", "ControlChange", "DayMark", "HeldContract", "OrderCourse", "OrderStep", "SessionReport", "day_report"]

PriceKind = Literal["quoted", "modelled", "unquoted"]
"""Where a price is from: a market's quote, a model, or neither at that instant (the last one known then)."""

_LEDGER: Final = ("signals", "verdicts", "fills", "events", "exits")
_SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "alarm")


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStep:
    """One step in the course of an order."""

    at: datetime
    """When, aware UTC."""
    kind: str
    """``order_sent``, ``order_answer``, ``order_report``, ``order_cancel``, ``order_resend``, ``order_dropped``."""
    detail: Mapping[str, Any]
    """What the journal has of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCourse:
    """An order of the session, and what became of it."""

    order_id: str
    """The id, the same on every retry."""
    decided_at: datetime | None
    """When it was decided; None for one of an earlier session."""
    content: Mapping[str, Any]
    """Its frozen content: position, purpose, attempt, legs, limit and reason; empty for one of an earlier session."""
    steps: tuple[OrderStep, ...]
    """What happened to it, oldest first."""

    @property
    def state(self) -> str:
        """Where it stood last: the broker's last report or answer, or what was done to it."""
        for step in reversed(self.steps):
            told = step.detail.get("state") or step.detail.get("answer")
            if told:
                return str(told).lower()
            if step.kind == "order_dropped":
                return "dropped"
        return "sent" if self.steps else "intent"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldContract:
    """One contract of an open position, and what it is valued at."""

    position_id: str
    """The position."""
    contract: str
    """OCC symbol."""
    quantity: int
    """Contracts, signed."""
    mark_usd: Decimal
    """Dollars a share."""
    price: PriceKind
    """Where the mark is from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayMark:
    """What the book was worth at one instant."""

    at: datetime
    """When, aware UTC."""
    cash_usd: Decimal
    """Cash."""
    equity_usd: Decimal
    """Cash and the value of what is held."""
    held: tuple[HeldContract, ...] = ()
    """What was held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A notice that was raised."""

    at: datetime
    """When, aware UTC."""
    severity: Severity
    """How much it matters."""
    kind: str
    """Its kind, such as ``"foreign"``."""
    title: str
    """One line."""
    text: str
    """The rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlChange:
    """A change of what people ask of the book, as the guardian saw it."""

    at: datetime
    """When the guardian saw it, aware UTC."""
    halted: bool
    """Whether no new positions were wanted from then on."""
    flatten: bool
    """Whether everything was to be closed."""
    reason: str
    """Why, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReport:
    """One session of a live book. Every figure is read from stored rows and the journal; nothing is computed anew."""

    book_id: str
    """The book."""
    session: date
    """The session."""
    outcome: str | None
    """What became of the entries, as in :class:`optarb.DayResult`; None while the day goes on."""
    needs_human: tuple[str, ...]
    """Why a person must look; as it stood at the end."""
    begin: DayMark | None
    """Cash and equity once what happened since the last session was booked; None if that did not come about."""
    end: DayMark | None
    """Cash and equity after the last reconciliation; None while the day goes on."""
    realised_usd: Decimal | None
    """Result of the session's closed contracts, dollars; None while the day goes on."""
    fees_usd: Decimal
    """Fees of the session's fills, dollars."""
    open_positions: tuple[HeldContract, ...]
    """What was held at the end, or when it was last valued."""
    orders: tuple[OrderCourse, ...]
    """Orders that were decided, sent or reported on, in the order of their first mention."""
    marks: tuple[DayMark, ...]
    """What the book was worth at each review of the position manager."""
    alarms: tuple[Alarm, ...]
    """Notices of every severity."""
    controls: tuple[ControlChange, ...]
    """What people asked."""
    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    """Ledger rows of the session by table: ``signals``, ``verdicts``, ``fills``, ``events``, ``exits``; see the ledger's
    reference."""

    @property
    def over(self) -> bool:
        """Whether the last reconciliation is done."""
        return self.end is not None

    def frames(self) -> dict[str, DataFrame]:
        """Returns a pandas frame a table.

        The tables are those of the ledger, ``orders``, ``steps``, ``marks``, ``open_positions``, ``alarms`` and ``controls``.
        Money is ``Decimal`` dollars, instants are in UTC.
        """
        from optarb.trading.day_frames import frames_of

        return frames_of(self)

    def write_csv(self, folder: str | Path) -> tuple[Path, ...]:
        """Writes each frame as a CSV file; equal sessions give equal bytes.

        Args:
            folder: Made if it does not exist; files of the same names in it are replaced.

        Returns:
            The files.

        Raises:
            ConfigurationError: The folder cannot be made or written to.
        """
        from optarb.reports.csv_files import write_csv_files

        return write_csv_files(folder, self.frames())


def day_report(store: TradingStore, book_id: str, session: date) -> SessionReport:
    """Reads what happened in one session of a live book.

    Args:
        store: Where the book is.
        book_id: The book.
        session: The session.

    Raises:
        BookNotFound: No such book, or it was not opened in that session.
    """
    store.load(book_id)
    journal = store.journal(book_id, session)
    if not any(entry.kind == "day_opened" for entry in journal):
        raise BookNotFound(f"book {book_id!r} was not opened on {session}; nothing is stored of that session")
    entries = [(entry, json.loads(entry.detail)) for entry in journal]
    number = session_number(session)
    rows = {table: tuple(_rows(store, book_id, table, number)) for table in _LEDGER}
    begin, end = _first(entries, "day_begun"), _first(entries, "day_ended")
    marks = tuple(_mark(entry, told) for entry, told in entries if entry.kind == "marks")
    return SessionReport(
        book_id=book_id,
        session=session,
        outcome=None if end is None else end[1].get("outcome"),
        needs_human=() if end is None else tuple(end[1].get("needs_human", ())),
        begin=_worth(begin),
        end=_worth(end),
        realised_usd=_realised(begin, end),
        fees_usd=from_units(sum(row["fees"] for row in rows["fills"])),
        open_positions=_held_at_the_end(_rows(store, book_id, "marks", number), marks, ended=end is not None),
        orders=_orders(entries),
        marks=marks,
        alarms=tuple(
            Alarm(at=entry.at, severity=entry.kind, kind=told["kind"], title=told["title"], text=told["text"])
            for entry, told in entries
            if entry.kind in _SEVERITIES
        ),
        controls=tuple(
            ControlChange(at=entry.at, halted=told["halted"], flatten=told["flatten"], reason=told["reason"])
            for entry, told in entries
            if entry.kind == "controls"
        ),
        rows=rows,
    )


_Told = tuple["JournalEntry", dict[str, Any]]


def _rows(store: TradingStore, book_id: str, table: str, number: int) -> Iterator[dict[str, Any]]:
    names = [column.name for column in TABLES[table].columns]
    return (dict(zip(names, row, strict=True)) for row in store.rows(book_id, table, number, number))


def _first(entries: Sequence[_Told], kind: str) -> _Told | None:
    return next((one for one in entries if one[0].kind == kind), None)


def _worth(told: _Told | None) -> DayMark | None:
    if told is None or "equity" not in told[1]:
        return None
    return DayMark(at=told[0].at, cash_usd=from_units(told[1]["cash"]), equity_usd=from_units(told[1]["equity"]))


def _realised(begin: _Told | None, end: _Told | None) -> Decimal | None:
    if begin is None or end is None or "realised" not in end[1]:
        return None
    return from_units(end[1]["realised"] - begin[1]["realised"])


def _mark(entry: JournalEntry, told: dict[str, Any]) -> DayMark:
    held = tuple(
        HeldContract(position_id=position_id, contract=contract, quantity=quantity, mark_usd=from_units(mark), price=price)
        for position_id, lots in told["held"].items()
        for contract, quantity, mark, price in lots
    )
    equity = from_units(told["cash"] + told["value"])
    return DayMark(at=entry.at, cash_usd=from_units(told["cash"]), equity_usd=equity, held=held)


def _held_at_the_end(rows: Iterator[dict[str, Any]], marks: Sequence[DayMark], *, ended: bool) -> tuple[HeldContract, ...]:
    """What the closing rows hold, their kind of price told by the last review; before the end, what that review saw."""
    last = marks[-1].held if marks else ()
    if not ended:
        return last
    kinds: dict[str, PriceKind] = {one.contract: one.price for one in last}
    return tuple(
        HeldContract(
            position_id=row["position_id"],
            contract=row["contract"],
            quantity=row["quantity"],
            mark_usd=from_units(row["mark"]),
            price=kinds.get(row["contract"], "quoted") if row["quoted"] else "unquoted",
        )
        for row in rows
    )


def _orders(entries: Sequence[_Told]) -> tuple[OrderCourse, ...]:
    decided: dict[str, _Told] = {}
    steps: dict[str, list[OrderStep]] = {}
    for entry, told in entries:
        if entry.kind == "order_intent":
            decided[entry.subject] = (entry, told)
            steps.setdefault(entry.subject, [])
        elif entry.kind.startswith("order_"):
            steps.setdefault(entry.subject, []).append(OrderStep(at=entry.at, kind=entry.kind, detail=told))
    return tuple(
        OrderCourse(
            order_id=order_id,
            decided_at=decided[order_id][0].at if order_id in decided else None,
            content=decided[order_id][1] if order_id in decided else {},
            steps=tuple(course),
        )
        for order_id, course in steps.items()
    )
