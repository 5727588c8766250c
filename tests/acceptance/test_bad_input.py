"""What is wrong is said at once, by type, with the value and the remedy; nothing else in the store is touched."""

from __future__ import annotations

import functools
import sqlite3
import threading
from datetime import date

import pytest
from tests.acceptance import small_desk
from tests.acceptance.small_desk import BadExits, BadPolicy, Buyer, RubbishExpert
from tests.naming import name_of

import optarb

NEIGHBOUR = "neighbour"


def books(store):
    return {info.book_id: info.status for info in store.books()}


def only_the_neighbour(store):
    return books(store) == {NEIGHBOUR: "finished"}


# -- the spec ---------------------------------------------------------------------------------------------------------------


def test_spec_when_start_is_after_end_then_both_dates_are_named():
    with pytest.raises(optarb.ConfigurationError, match=r"2016-02-29.*2016-01-04.*swap"):
        small_desk.spec(start=small_desk.END, end=small_desk.START)


def test_range_without_a_session_when_run_then_refused_and_no_book_is_opened(run, store):
    with pytest.raises((optarb.ConfigurationError, optarb.DataError), match=r"no session.*2016-01-16.*2016-01-18"):
        run(start=date(2016, 1, 16), end=date(2016, 1, 18))
    assert only_the_neighbour(store)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (date(2015, 6, 1), small_desk.END),
        (small_desk.START, date(2016, 12, 30)),
        (date(2001, 1, 2), date(2001, 6, 1)),
    ],
)
def test_range_outside_the_data_when_run_then_refused_with_what_there_is(run, store, start, end):
    with pytest.raises(optarb.DataError, match=r"2015-12-01.*2016-04-29"):
        run(start=start, end=end)


def test_strategy_when_unknown_then_the_nearest_is_suggested(run, store):
    with pytest.raises(optarb.UnknownName, match=r"'cals'.*did you mean 'calls'"):
        run(strategy="cals")
    assert only_the_neighbour(store)


@pytest.mark.parametrize(
    ("path", "suggested"),
    [
        ("buyr.confidence", "buyer"),
        ("buyer.confidense", "confidence"),
        ("policy.max_open_position", "max_open_positions"),
        ("exits.stop_los", "stop_loss"),
        ("polcy.quantity", "policy"),
        ("fees.commission", "commission_usd"),
        ("spec.captal", "capital"),
    ],
)
def test_override_when_its_path_is_unknown_then_the_nearest_is_suggested(run, store, path, suggested):
    with pytest.raises(optarb.UnknownName, match=rf"{path.rpartition('.')[2]}.*did you mean '{suggested}'") as caught:
        run(overrides={path: 1})
    assert path in str(caught.value)
    assert only_the_neighbour(store)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("buyer.confidence", "high"),
        ("buyer.confidence", True),
        ("policy.quantity", 1.5),
        ("policy.quantity", 0),
        ("policy.reenter_same_session", "perhaps"),
        ("exits.stop_loss", [0.1]),
        ("exits.stop_loss", 0.35),
        ("exits.max_hold_sessions", "five"),
        ("fees.commission_usd", "cheap"),
        ("fees.commission_usd", -1),
        ("spec.capital", "much"),
        ("spec.capital", -5),
    ],
)
def test_override_when_its_value_does_not_fit_then_path_and_value_are_named(run, store, path, value):
    with pytest.raises(optarb.ConfigurationError) as caught:
        run(overrides={path: value})
    assert path.removeprefix("spec.") in str(caught.value)
    assert str(value) in str(caught.value)
    assert only_the_neighbour(store)


# -- the store --------------------------------------------------------------------------------------------------------------


def test_store_of_another_schema_version_when_opened_then_refused_and_left_alone(files, tmp_path):
    url = f"sqlite:///{tmp_path}/old.db"
    with small_desk.desk(files, store=optarb.SqlStore(url=url)) as desk:
        small_desk.run(desk, backtest_id="old")
    with sqlite3.connect(tmp_path / "old.db") as connection:
        connection.execute("UPDATE meta SET schema_version = 99")
    connection.close()
    before = (tmp_path / "old.db").read_bytes()

    with (
        small_desk.desk(files, store=optarb.SqlStore(url=url)) as desk,
        pytest.raises(optarb.SchemaMismatch, match=r"schema version 99.*update optarb"),
    ):
        small_desk.run(desk, backtest_id="new")

    assert (tmp_path / "old.db").read_bytes() == before


# -- components that misbehave ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expert", "words"),
    [
        (small_desk.RaisingExpert(), r"ZeroDivisionError.*own mistake"),
        (RubbishExpert(kind="text"), r"'buy!'"),
        (RubbishExpert(kind="number"), r"0\.7"),
        (RubbishExpert(kind="class"), r"Signal"),
        (RubbishExpert(kind="true"), r"True"),
        (small_desk.OverconfidentExpert(), r"confidence.*0 to 1.*7"),
    ],
    ids=name_of,
)
def test_expert_when_it_misbehaves_then_expert_session_and_fault_are_named(run, store, expert, words):
    with pytest.raises(optarb.ComponentError, match=rf"(?s)'buyer'.*{words}") as caught:
        run(expert=expert, backtest_id="mine")
    assert "2016-01-04" in str(caught.value)
    assert not caught.value.retryable
    assert books(store) == {NEIGHBOUR: "finished", "mine": "failed"}
    assert not store.rows("mine", "fills")


def test_expert_when_it_misspells_a_feature_then_the_name_is_in_the_error(run, store):
    with pytest.raises((optarb.ComponentError, optarb.UnknownName), match=r"rsi14.*did you mean 'rsi_14'"):
        run(expert=small_desk.MisspellingExpert())


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("raises", r"KeyError.*own mistake"),
        ("rubbish", r"\[True\]"),
        ("none", r"None"),
        ("leaves out", r"buyer"),
        ("invents", r"nobody"),
        ("alters", r"buyer"),
        ("twice", r"buyer"),
        ("both", r"buyer"),
        ("words", r"'buy all'"),
    ],
)
def test_policy_when_it_misbehaves_then_session_and_fault_are_named(run, store, kind, words):
    with pytest.raises(optarb.ComponentError, match=rf"(?s)policy, session 2016-01-04.*{words}"):
        run(policy=BadPolicy(kind=kind), backtest_id="mine")
    assert books(store) == {NEIGHBOUR: "finished", "mine": "failed"}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("raises", r"IndexError.*own mistake"),
        ("rubbish", r"'sell all'"),
        ("none", r"None"),
        ("invents", r"19990101\.1"),
        ("notes", r"19990101\.1"),
        ("words", r"'20160104\.1'"),
    ],
)
def test_exits_when_they_misbehave_then_session_and_fault_are_named(run, store, kind, words):
    with pytest.raises(optarb.ComponentError, match=rf"(?s)exits, session 2016-01-05.*{words}"):
        run(exits=BadExits(kind=kind), backtest_id="mine")
    assert books(store) == {NEIGHBOUR: "finished", "mine": "failed"}


def test_exits_when_they_name_a_position_twice_then_it_is_closed_once(run, store):
    result = run(exits=BadExits(kind="twice"))

    fills = result.fills()
    assert len(fills) > 10
    assert (fills.groupby("trade_id").quantity.agg(["sum", "count"]) == [0, 2]).all(axis=None)


# -- ids --------------------------------------------------------------------------------------------------------------------


def test_id_that_runs_already_when_run_again_then_refused(run, store):
    small_desk.GATE.clear()
    small_desk.GATE_REACHED.clear()
    outcomes = []
    first = threading.Thread(
        target=lambda: outcomes.append(run(expert=small_desk.GatedExpert(), backtest_id="mine").summary.trades)
    )
    first.start()
    try:
        assert small_desk.GATE_REACHED.wait(60)
        with pytest.raises(optarb.AlreadyRunning, match="'mine'"):
            run(expert=small_desk.GatedExpert(), backtest_id="mine")
        with pytest.raises(optarb.AlreadyRunning, match="'mine'"):
            run(expert=small_desk.GatedExpert(), backtest_id="mine", on_existing="replace")
    finally:
        small_desk.GATE.set()
        first.join(60)
    assert outcomes == [0]


def test_finished_id_when_run_again_then_its_result_comes_without_computing(run, store):
    first = run(backtest_id="mine")
    asked = len(small_desk.CALLS)
    rows = small_desk.ledger(store, "mine")

    again = run(backtest_id="mine")

    assert len(small_desk.CALLS) == asked
    assert again.summary == first.summary
    assert small_desk.ledger(store, "mine") == rows


@pytest.mark.parametrize("changes", [{"capital": 50_000}, {"end": date(2016, 2, 26)}, {"overrides": {"buyer.confidence": 0.8}}])
def test_finished_id_when_the_spec_differs_then_conflict_and_the_book_stays(run, store, changes):
    first = run(backtest_id="mine")
    rows = small_desk.ledger(store, "mine")

    with pytest.raises(optarb.BookConflict, match=r"'mine'.*replace"):
        run(backtest_id="mine", **changes)

    assert small_desk.ledger(store, "mine") == rows
    assert run(backtest_id="mine").summary == first.summary


def test_finished_id_when_only_execution_differs_then_its_result_comes(run, store):
    first = run(backtest_id="mine")
    again = run(backtest_id="mine", execution=optarb.ExecutionSpec(block_sessions=3, parallelism=7))
    assert again.summary == first.summary


def test_finished_id_when_the_component_differs_then_conflict(run, store):
    run(backtest_id="mine")
    with pytest.raises(optarb.BookConflict, match="'mine'"):
        run(backtest_id="mine", expert=Buyer(confidence=0.7))


def test_finished_id_when_the_data_differ_then_conflict(run, store, tmp_path):
    run(backtest_id="mine")
    with pytest.raises(optarb.BookConflict, match="'mine'"):
        run(
            backtest_id="mine",
            data=small_desk.spoilt(tmp_path, lambda columns: columns["volume"].append(columns["volume"].pop() + 1.0)),
        )


def test_finished_id_when_replaced_then_only_its_own_rows_are_cleared(run, store):
    first = run(backtest_id="mine")
    replaced = run(backtest_id="mine", capital=50_000, on_existing="replace")

    assert replaced.summary.final_equity_usd < first.summary.final_equity_usd
    assert replaced.summary.sessions == len(store.rows("mine", "equity")) == 39
    assert books(store) == {NEIGHBOUR: "finished", "mine": "finished"}


# -- things that are no components ------------------------------------------------------------------------------------------


def closure(limit):
    def expert(view):
        return limit

    return expert


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (Buyer, r"pass Buyer\(\), not Buyer"),
        (lambda view: None, "lambda.*frozen dataclass"),
        (closure(3), "closure.*frozen dataclass"),
        (functools.partial(small_desk.plain_expert), "frozen dataclass"),
        (small_desk.async_expert, "async def.*plain def"),
        (small_desk.AsyncExpert(), "async def.*plain def"),
        (small_desk.ThawedExpert(), "not frozen.*frozen=True"),
        (object(), "frozen dataclass"),
        ("Buyer", "'Buyer'.*frozen dataclass"),
    ],
    ids=name_of,
)
def test_expert_when_it_is_no_component_then_the_remedy_is_said(files, thing, words):
    with pytest.raises(optarb.ConfigurationError, match=rf"(?s)'buyer'.*{words}"):
        small_desk.desk(files, expert=thing)


@pytest.mark.parametrize("role", ["policy", "exits"])
@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (optarb.RiskPolicy, r"pass RiskPolicy\(\)"),
        (lambda *_: None, "lambda"),
        (small_desk.async_expert, "async def"),
    ],
    ids=name_of,
)
def test_policy_or_exits_when_no_component_then_the_remedy_is_said(files, role, thing, words):
    with pytest.raises(optarb.ConfigurationError, match=rf"(?s){role}.*({words})"):
        small_desk.desk(files, **{role: thing})


@pytest.mark.parametrize(
    ("role", "thing", "method"),
    [
        ("expert", BadPolicy(kind="none"), "evaluate"),
        ("policy", Buyer(), "decide"),
        ("exits", Buyer(), "review"),
        ("store", optarb.NoCache(), "claim"),
        ("cache", optarb.RiskPolicy(), "get"),
        ("data", optarb.RiskPolicy(), "bars"),
    ],
)
def test_component_when_of_the_wrong_kind_then_what_it_lacks_is_named(files, role, thing, method):
    with pytest.raises(optarb.ConfigurationError, match=method):
        small_desk.desk(files, **{role: thing})


@pytest.mark.parametrize("role", ["store", "cache", "data"])
def test_desk_when_given_a_class_then_the_remedy_is_said(files, role):
    kind = {"store": optarb.SqlStore, "cache": optarb.FileCache, "data": optarb.ParquetMarketData}[role]
    with pytest.raises(optarb.ConfigurationError, match=rf"pass {kind.__name__}\(\), not {kind.__name__}"):
        small_desk.desk(files, **{role: kind})
