"""One session, for both halves: settle, exit, enter, mark, settle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from optarb.domain.contracts import Settlement
from optarb.engine.endings import close_all, close_physical, settle
from optarb.engine.entries import entries
from optarb.engine.exits import exits
from optarb.engine.marks import mark, record_marks
from optarb.engine.session_state import SessionState
from optarb.ledger.rows import session_number

if TYPE_CHECKING:
    from optarb.brokers.simulator import Simulator
    from optarb.engine.evaluation import ChosenSignal
    from optarb.engine.execution import Pump
    from optarb.engine.market import Market
    from optarb.engine.recorder import Recorder
    from optarb.engine.view import View
    from optarb.ledger.book import Book
    from optarb.protocols import BrokerAdapter, MarketData
    from optarb.strategy import Strategy

__all__ = ["SessionEngine"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SessionEngine:
    """Runs one session of a strategy on a book, through a broker.

    The order inside a session: settle what settled at the opening; exits; entries; marks; settle what expires at the close.
    Exits fill before the policy looks at the account.
    """

    strategy: Strategy
    """Policy and exits."""
    simulator: Simulator
    """Fill and fee models: what candidates are priced with."""
    market: Market
    """Bars for settlement; views are given."""
    data: MarketData
    """Asked for settlement values."""
    mark: Literal["closing_side", "mid"]
    """At what positions are valued."""
    am_settlement: Literal["open", "previous_close"]
    """What AM-settled contracts settle on where no value is supplied."""
    next_session: Mapping[date, date]
    """For each session of the run the one after."""

    def run(
        self,
        view: View,
        signals: Sequence[ChosenSignal],
        *,
        book: Book,
        broker: BrokerAdapter,
        pump: Pump,
        recorder: Recorder,
        last_session: bool,
    ) -> None:
        """Runs the session of a view.

        Args:
            view: What may be known.
            signals: The session's signals in the order of experts, then of underlyings.
            book: The book, as the session before left it.
            broker: Takes the orders.
            pump: Lets the broker's market move.
            recorder: Takes the rows.
            last_session: Whether everything is closed now and nothing opened.

        Raises:
            ComponentError: The policy, the position manager or a model raised or returned what it may not.
        """
        session = session_number(view.session)
        book.begin_session(session)
        recorder.begin(session)
        state = SessionState(engine=self, view=view, book=book, broker=broker, pump=pump, recorder=recorder)
        if not view.chains:
            recorder.count("sessions_without_chain")
        if book.positions or signals:  # else there is nothing to settle, exit, enter or mark, as in most sessions
            _work(state, signals, last_session=last_session)
        record_marks(state)


def _work(state: SessionState, signals: Sequence[ChosenSignal], *, last_session: bool) -> None:
    settle(state, Settlement.AM)
    mark(state)
    if state.view.chains:
        exits(state)
        entries(state, signals, last_session=last_session)
    mark(state)
    settle(state, Settlement.PM)
    close_physical(state)
    if last_session:
        close_all(state)
