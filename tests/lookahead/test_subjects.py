"""Components are asked as a backtest asks them: what passes here passes there."""

from __future__ import annotations

import dataclasses

import pytest
from tests.lookahead import cheats, honest
from tests.lookahead.conftest import SPEC

import optarb
from optarb.engine.evaluation import ChosenSignal
from optarb.ledger.rows import TABLES, session_date
from optarb.lookahead._ledger_subject import LedgerAsked
from optarb.lookahead._material import gather
from optarb.lookahead._subjects import CHECKED, ExpertAsked, _signal_fields
from optarb.lookahead._synthetic import synthetic_desk
from optarb.lookahead._tasks import Task


@pytest.fixture
def run_twice():
    """Backtests a strategy with one expert, and returns the desk, the finished book and what a check loads."""

    def both(expert, indicators=()):
        desk = synthetic_desk(0)
        strategy = dataclasses.replace(desk.strategies[0], experts={CHECKED: expert}, exits=honest.TrailingStop())
        desk = dataclasses.replace(desk, strategies=[strategy], indicators=indicators)
        result = optarb.backtest(SPEC, desk, progress=None)
        return desk, result.summary.backtest_id, gather(desk, SPEC)

    return both


def rows(desk, book, table):
    return list(desk.store.rows(book, table, 0, 99_999_999))


@pytest.mark.parametrize(
    ("expert", "indicators"),
    [(optarb.RulesExpert(), ()), (honest.Trains(), ()), (cheats.TrainedOnLabels(), (cheats.LaterReturn(),))],
    ids=lambda one: type(one).__name__,
)
def test_expert_when_asked_then_the_answers_are_the_signals_of_a_backtest(run_twice, expert, indicators):
    desk, book, material = run_twice(expert, indicators)
    traded = {}
    for row in rows(desk, book, "signals"):
        traded.setdefault(session_date(row[0]), {}).update(_signal_fields(ChosenSignal.from_row(row)))

    answers = ExpertAsked(component=expert).run(material, Task(sessions=material.sessions), None).answers

    seen = {day: {name: value for name, value in one.items() if not name.endswith(".model")} for day, one in answers.items()}
    assert traded
    assert {day: one for day, one in seen.items() if one} == traded


def test_ledger_when_sessions_are_run_one_by_one_then_its_rows_are_those_of_a_backtest(run_twice):
    desk, book, material = run_twice(honest.SeededNoise())
    traded = {}
    for table in ("exits", "notes", "verdicts", "intents"):
        names = [column.name for column in TABLES[table].columns]
        for row in rows(desk, book, table):
            fields = dict(zip(names, row, strict=True))
            place = f"{table}[{fields.pop('seq')}]"
            day = session_date(fields.pop("session"))
            traded.setdefault(day, {}).update({f"{place}.{name}": value for name, value in fields.items()})
    subject = LedgerAsked(component=honest.TrailingStop())

    first = subject.run(material, Task(sessions=material.sessions), None)
    alone = subject.run(material, Task(sessions=material.sessions[::-1]), first.kept)

    del first.answers[material.sessions[-1]]  # a backtest closes there, and its close writes rows of its own
    for session, answer in first.answers.items():
        told = {name: value for name, value in answer.items() if name != "open_positions"}
        assert told == traded.get(session, {}), session
        assert alone.answers[session] == answer
    assert {name.partition("[")[0] for one in traded.values() for name in one} == {"exits", "notes", "verdicts", "intents"}
