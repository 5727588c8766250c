"""How components of each kind are asked: as a backtest asks them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from optarb.backtesting.arrow import digest_of
from optarb.backtesting.training import TrainedModel, trained_part
from optarb.engine.calling import called
from optarb.engine.evaluation import ChosenSignal, legs_text
from optarb.engine.features import compute_indicator
from optarb.engine.judging import judge, warm_up_of
from optarb.engine.view import ExpertView
from optarb.errors import ComponentError, OptarbError
from optarb.lookahead._answers import Answer, ModelSeen, raised, rows_through
from optarb.lookahead._changes import changed_bars
from optarb.lookahead._material import planned_cutoffs
from optarb.lookahead._tasks import Outcome, Task

if TYPE_CHECKING:
    from optarb.engine.market import Market
    from optarb.engine.view import Once
    from optarb.lookahead._changes import Change
    from optarb.lookahead._material import Material
    from optarb.protocols import Indicator, SupportsTraining

__all__ = ["CHECKED", "ExpertAsked", "IndicatorAsked", "Models", "Replies", "guarded", "signals_of"]

CHECKED = "checked"
"""Name of the expert under check in its strategy."""

Replies = dict[tuple[date, str, str, str], bytes]
"""Replies of outside calls by session, underlying, expert and key: made once, as in a backtest."""


def guarded(task: Task, ask: Callable[[], Answer]) -> Answer:
    """Asks, and takes an error for an answer where the market is not the true one."""
    if task.change is None:
        return ask()
    try:
        return ask()
    except OptarbError as error:
        return raised(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorAsked:
    """An indicator, computed over the whole history of every symbol."""

    component: Indicator

    def run(self, material: Material, task: Task, kept: None) -> Outcome:  # noqa: ARG002 - an indicator starts from nothing
        """Computes it; see :class:`Subject`."""
        outcome = Outcome()
        backwards = task.sessions[0] > task.sessions[-1]
        symbols = list(material.bars)[:: -1 if backwards else 1]
        if task.change is None:
            columns = self._columns(material, symbols)
            outcome.answers = {session: self._answer(material, columns, session) for session in task.sessions}
            if task.again:
                columns = self._columns(material, symbols)
                outcome.again = {session: self._answer(material, columns, session) for session in task.again}
        else:
            columns = {}
            for session in task.sessions:
                outcome.answers[session] = guarded(task, partial(self._changed, material, task, session, columns))
        if task.whole:
            outcome.columns = {f"{symbol}.{name}": column for (symbol, name), column in columns.items()}
        return outcome

    def _columns(self, material: Material, symbols: Sequence[str]) -> dict[tuple[str, str], Any]:
        return {
            (symbol, name): column
            for symbol in symbols
            for name, column in compute_indicator(self.component, material.bars[symbol]).items()
        }

    def _changed(self, material: Material, task: Task, session: date, columns: dict[tuple[str, str], Any]) -> Answer:
        assert task.change is not None  # noqa: S101 - asked for a changed market only
        columns.clear()
        for symbol, bars in material.bars.items():
            other = changed_bars(bars, task.change, session, session=None)
            columns |= {(symbol, name): column for name, column in compute_indicator(self.component, other).items()}
        return self._answer(material, columns, session)

    def _answer(self, material: Material, columns: dict[tuple[str, str], Any], session: date) -> Answer:
        answer: dict[str, object] = {}
        for (symbol, name), column in columns.items():
            row = material.bars[symbol].rows.get(session)
            if row is not None:
                answer[f"{symbol}.{name}"] = rows_through(column, row)
        return dict(sorted(answer.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertAsked:
    """An expert, asked about every underlying of a session, with its models if it trains."""

    component: object

    def run(self, material: Material, task: Task, kept: Replies | None) -> Outcome:
        """Asks it; see :class:`Subject`. What outside calls reply in the first run is kept and given again."""
        outcome = Outcome()
        replies = dict(kept or {})
        market = material.market() if task.change is None else None
        models = Models(material, CHECKED, self.component, market, task.change)
        asked = partial(self._asked, material, models, replies)
        if market is not None:
            models.fit_ahead(task.sessions)
            outcome.answers = {session: asked(market, session) for session in task.sessions}
            outcome.again = {session: asked(market, session) for session in task.again}
        else:
            for session in task.sessions:
                outcome.answers[session] = guarded(task, partial(self._changed, material, task, session, asked))
        outcome.kept = replies
        return outcome

    @staticmethod
    def _changed(material: Material, task: Task, session: date, asked: Callable[[Market, date], Answer]) -> Answer:
        assert task.change is not None  # noqa: S101 - asked for a changed market only
        return asked(material.changed(task.change, session), session)

    def _asked(self, material: Material, models: Models, replies: Replies, market: Market, session: date) -> Answer:
        answer: dict[str, object] = dict(models.answer(session))
        for signal in signals_of(material, CHECKED, self.component, market, session, models=models, replies=replies):
            answer |= _signal_fields(signal)
        return answer


def signals_of(
    material: Material, name: str, expert: object, market: Market, session: date, *, models: Models, replies: Replies
) -> Iterator[ChosenSignal]:
    """Asks an expert as the signals phase does.

    Args:
        material: Underlyings.
        name: The expert's name.
        expert: The expert.
        market: What views are cut from.
        session: Which.
        models: Of the expert.
        replies: Of outside calls; new ones are added.
    """
    view = market.view(session)
    judged = judge(
        name,
        expert,
        view,
        material.setup.strategy.underlyings,
        warm_up=warm_up_of(name, expert),
        once_of=lambda underlying: _once(replies, session, underlying, name),
        model_of=lambda underlying: models.newest(underlying, view.bars_through),
    )
    yield from (signal for _, signal in judged)


def _once(replies: Replies, session: date, underlying: str, expert: str) -> Once:
    def once(key: str, call: Callable[[], bytes]) -> bytes:
        place = (session, underlying, expert, key)
        if place not in replies:
            replies[place] = call()
        return replies[place]

    return once


def _signal_fields(signal: ChosenSignal) -> dict[str, object]:
    values = {one.name: getattr(signal, one.name) for one in fields(signal) if one.name not in {"expert", "underlying"}}
    values |= {"direction": str(signal.direction), "legs": legs_text(signal.legs)}
    return {f"{signal.underlying}.{name}": value for name, value in values.items()}


class Models:
    """The models of one expert, fitted once a cut-off as in a backtest; in a changed market on what it may know there."""

    def __init__(
        self, material: Material, name: str, expert: object, market: Market | None, change: Change | None = None
    ) -> None:
        """Asks for the cut-offs and fits nothing yet.

        Args:
            material: The market.
            name: The expert's name.
            expert: The expert; one that does not train has no models.
            market: The market as it is; None where it is changed.
            change: What is done to the market after each cut-off; None for nothing.
        """
        part = trained_part(name, expert)
        self._part: SupportsTraining | None = None if part is None else part[1]
        self._cutoffs = {} if part is None else planned_cutoffs(material)
        self._material = material
        self._name = name
        self._market = market
        self._change = change
        self._fitted: dict[tuple[str, date], bytes] = {}

    def fit_ahead(self, sessions: Sequence[date]) -> None:
        """Fits what the sessions need before any of them is asked about, in their order, as the training phase does."""
        for session in sessions:
            for underlying in self._material.setup.strategy.underlyings:
                self.newest(underlying, self._material.through(session))

    def newest(self, underlying: str, through: date) -> TrainedModel | None:
        """Returns the newest model whose cut-off is not after a session, or None."""
        cutoff = self._cutoff(underlying, through)
        if cutoff is None:
            return None
        content = self._content(underlying, cutoff)
        return TrainedModel(cutoff=cutoff, digest=digest_of(content), content=lambda: content)

    def answer(self, session: date) -> dict[str, object]:
        """Returns what tells the models of a session apart."""
        found: dict[str, object] = {}
        for underlying in self._material.setup.strategy.underlyings:
            model = self.newest(underlying, self._material.through(session))
            if model is not None:
                found[f"{underlying}.model"] = ModelSeen(model.cutoff, model.digest)
        return found

    def _cutoff(self, underlying: str, through: date) -> date | None:
        return max((one for one in self._cutoffs.get((self._name, underlying), ()) if one <= through), default=None)

    def _content(self, underlying: str, cutoff: date) -> bytes:
        key = (underlying, cutoff)
        if key not in self._fitted:
            self._fitted[key] = self._fit(underlying, cutoff)
        return self._fitted[key]

    def _fit(self, underlying: str, cutoff: date) -> bytes:
        assert self._part is not None  # noqa: S101 - there are no cut-offs without it
        market = self._market if self._change is None else self._material.changed_after(self._change, cutoff)
        assert market is not None  # noqa: S101 - where nothing is changed there is a market
        view = ExpertView(
            underlying=underlying, model=None, view=market.view_at_cutoff(cutoff), once_by_key=lambda _, call: call()
        )
        content: object = called(f"training on {underlying!r}, cut-off {cutoff}", self._part.fit, view)
        if not isinstance(content, bytes):
            raise ComponentError(f"fit must return bytes, got {type(content).__name__}")
        return content
