"""A book as one owner moves it: loaded from the store, changed, and stored again before and after everything that matters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from optarb.engine.recorder import Recorder
from optarb.errors import Superseded
from optarb.ledger.book import Book
from optarb.ledger.rows import session_date
from optarb.protocols.trading import Controls, JournalEntry, Notice, Severity
from optarb.trading.trading_state import TradingState

if TYPE_CHECKING:
    from optarb.domain.contracts import OptionContract
    from optarb.domain.quotes import Quote
    from optarb.ledger.rows import Row
    from optarb.protocols.trading import TradingStore

__all__ = ["LiveBook"]


class LiveBook:
    """State, and what is to be written with it. Every :meth:`save` proves that nobody else has moved the book."""

    def __init__(self, store: TradingStore, book_id: str, owner: str, state: TradingState, version: int) -> None:
        """Wraps what was loaded; see :meth:`open`."""
        self.store = store
        self.book_id = book_id
        self.owner = owner
        self.state = state
        self.recorder = Recorder()
        self.recorder.begin(state.day.session)
        self._version = version
        self._document = ""
        self._signals: list[Row] = []
        self._journal: list[JournalEntry] = []
        self._notices: list[Notice] = []

    @classmethod
    def open(cls, store: TradingStore, book_id: str, owner: str, *, account: str, capital_usd: Decimal) -> LiveBook:
        """Loads a book; one that was never saved begins with the capital.

        Args:
            store: Where it is.
            book_id: The book; its lease must have been acquired.
            owner: Who holds the lease.
            account: Name of the broker account, for a new book.
            capital_usd: Dollars a new book begins with.
        """
        found = store.load(book_id)
        if found.document:
            state = TradingState.load(book_id, found.document)
        else:
            state = TradingState(account=account, book=Book(book_id, capital_usd))
        return cls(store, book_id, owner, state, found.version)

    @property
    def session(self) -> date:
        """The session at work."""
        return session_date(self.state.day.session)

    @property
    def book(self) -> Book:
        """The ledger."""
        return self.state.book

    def begin(self, session: int) -> None:
        """Starts a session."""
        self.state.begin(session)
        self.recorder.begin(session)

    def signals(self, rows: list[Row]) -> None:
        """Adds rows of the table ``signals``."""
        self._signals.extend(rows)

    def note(self, at: datetime, kind: str, subject: str, /, **detail: Any) -> None:
        """Adds to the journal."""
        told = json.dumps(detail, sort_keys=True, default=str)
        self._journal.append(JournalEntry(at=at, kind=kind, subject=subject, detail=told))

    def note_marks(self, at: datetime, quotes: Mapping[OptionContract, Quote]) -> None:
        """Adds to the journal what the book is worth: cash, and each contract held with its mark and where that is from.

        Args:
            at: The instant.
            quotes: What the book was marked on.
        """
        kinds = {contract.symbol: "modelled" if quote.modelled else "quoted" for contract, quote in quotes.items()}
        held = {
            position.position_id: [
                [lot.contract, lot.quantity, lot.mark, kinds.get(lot.contract, "unquoted") if lot.quoted else "unquoted"]
                for lot in position.lots
                if lot.quantity
            ]
            for position in self.book.positions.values()
        }
        self.note(at, "marks", "", cash=self.book.cash, value=self.book.value(), held=held)

    def note_controls(self, at: datetime, controls: Controls) -> None:
        """Adds to the journal what people ask of the book, where that has changed.

        Args:
            at: The instant.
            controls: What they ask now.
        """
        wanted = controls.halted or controls.flatten
        asked: dict[str, object] = {"halted": controls.halted, "flatten": controls.flatten, "reason": controls.reason}
        now = asked if wanted else {}
        if now != self.state.day.controls:
            self.state.day.controls = now
            changed_at = None if controls.changed_at is None else controls.changed_at.isoformat()
            self.note(at, "controls", "", changed_at=changed_at, **asked)

    def tell(self, at: datetime, severity: Severity, kind: str, subject: str, *, title: str, text: str) -> None:
        """Adds a notice to the outbox, and the journal; one of the same kind and subject goes out once a session."""
        key = f"{self.state.day.session}:{kind}:{subject}"
        if key in self.state.day.told:
            return
        self.state.day.told.append(key)
        self.note(at, severity, subject, kind=kind, title=title, text=text)
        session = self.session
        self._notices.append(
            Notice(key=key, severity=severity, title=title, text=text, book_id=self.book_id, session=session, at=at)
        )

    def episode(self, at: datetime, kind: str, *, lasts: bool, title: str = "", text: str = "") -> None:
        """Raises one alarm for each episode of a trouble, however many cycles it lasts.

        Args:
            at: The instant.
            kind: Which trouble.
            lasts: Whether it is there now.
            title: Of the alarm, if it begins now.
            text: Of the alarm.
        """
        count = self.state.day.episodes.get(kind, 0)
        if lasts and count >= 0:
            self.state.day.episodes[kind] = -(count + 1)
            self.tell(at, "alarm", kind, str(count + 1), title=title, text=text)
        elif not lasts and count < 0:
            self.state.day.episodes[kind] = -count
            self.note(at, "over", kind)

    def save(self) -> None:
        """Writes state, rows, journal and notices in one transaction; where nothing has changed nothing is written.

        Raises:
            Superseded: Another owner moves the book, or somebody has written since it was loaded.
            StoreUnavailable: Nothing was written; the same call may work later.
        """
        rows: dict[str, list[Row]] = {name: list(found) for name, found in self.recorder.rows.items() if found}
        if self._signals:
            rows["signals"] = self._signals
        document = self.state.dump()
        if document == self._document and not (rows or self._journal or self._notices):
            return
        written = self.store.save(
            self.book_id,
            owner=self.owner,
            version=self._version,
            document=document,
            rows=rows,
            journal=self._journal,
            notices=self._notices,
        )
        if not written:
            raise Superseded(f"book {self.book_id!r} is moved by another owner than {self.owner!r}, or was written meanwhile")
        self._version += 1
        self._document = document
        self.recorder.drain()
        self._signals, self._journal, self._notices = [], [], []
