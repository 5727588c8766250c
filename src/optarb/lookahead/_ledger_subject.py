"""Policies and exits: asked in whole sessions of a backtest, each from the book that the true run left before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from optarb.engine.evaluation import ChosenSignal
from optarb.engine.recorder import Recorder
from optarb.engine.session import SessionEngine
from optarb.ledger.book import Book
from optarb.ledger.rows import TABLES
from optarb.lookahead._answers import Answer
from optarb.lookahead._subjects import Models, Replies, guarded, signals_of
from optarb.lookahead._tasks import Outcome, Task

if TYPE_CHECKING:
    from optarb.brokers.simulator import SimulatedBroker
    from optarb.engine.market import Market
    from optarb.engine.view import View
    from optarb.lookahead._material import Material

__all__ = ["LedgerAsked"]

_BOOK = "lookahead"
_COMPARED = ("exits", "notes", "verdicts", "intents")
"""Tables whose rows are compared, in the order in which a difference is told."""


class _Before(NamedTuple):
    """What a session starts from."""

    book: dict[str, Any]
    signals: tuple[ChosenSignal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerAsked:
    """A policy or exits in their strategy. Signals come from its experts, once."""

    component: object

    def run(self, material: Material, task: Task, kept: dict[date, _Before] | None) -> Outcome:
        """Runs sessions; see :class:`Subject`. The first run goes through all of them and keeps what each starts from."""
        market = material.market()
        outcome = Outcome()
        if kept is None:
            kept = outcome.kept = self._first_run(material, market, outcome)
            task_sessions: tuple[date, ...] = ()
        else:
            task_sessions = task.sessions
        engine = _engine(material, market)
        for session in task_sessions:
            outcome.answers[session] = guarded(task, partial(self._one, material, engine, task, session, kept[session]))
        for session in task.again:
            outcome.again[session] = self._one(material, engine, task, session, kept[session])
        return outcome

    def _first_run(self, material: Material, market: Market, outcome: Outcome) -> dict[date, _Before]:
        replies: Replies = {}
        kept: dict[date, _Before] = {}
        book = Book(_BOOK, Decimal(material.setup.spec.capital))
        engine = _engine(material, market)
        experts = material.setup.strategy.experts
        models = {name: Models(material, name, expert, market) for name, expert in experts.items()}
        for session in material.sessions:
            signals = tuple(
                signal
                for name, expert in experts.items()
                for signal in signals_of(material, name, expert, market, session, models=models[name], replies=replies)
            )
            kept[session] = _Before(book.dump(), signals)
            outcome.answers[session] = _session(material, engine, market.view(session), signals, book)
        return kept

    @staticmethod
    def _one(material: Material, engine: SessionEngine, task: Task, session: date, before: _Before) -> Answer:
        # Settlement stays on the true market: it is the engine's, and happens on the close that a view does not show.
        market = engine.market if task.change is None else material.changed(task.change, session)
        return _session(material, engine, market.view(session), before.signals, Book.load(_BOOK, before.book))


def _engine(material: Material, market: Market) -> SessionEngine:
    spec = material.setup.spec
    return SessionEngine(
        strategy=material.setup.strategy,
        simulator=material.setup.simulator,
        market=market,
        data=material.desk.market_data,
        mark=spec.mark,
        am_settlement=spec.am_settlement,
        next_session=material.next_session,
    )


def _session(material: Material, engine: SessionEngine, view: View, signals: tuple[ChosenSignal, ...], book: Book) -> Answer:
    recorder = Recorder()
    answer: dict[str, object] = {"open_positions": len(book.positions)} if book.positions else {}
    broker: SimulatedBroker = material.setup.simulator.broker()

    def pump() -> bool:
        broker.advance(view)
        return False

    engine.run(
        view,
        signals,
        book=book,
        broker=broker,
        pump=pump,
        recorder=recorder,
        last_session=view.session == material.sessions[-1],
    )
    for table in _COMPARED:
        names = [column.name for column in TABLES[table].columns]
        for row in recorder.rows[table]:
            answer |= {f"{table}[{row[1]}].{name}": value for name, value in list(zip(names, row, strict=True))[2:]}
    return answer
