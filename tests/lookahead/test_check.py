"""Every planted cheat is found, with its kind, session, field and inputs; what is honest passes."""

from __future__ import annotations

import random
import signal
import time

import pytest
from tests.lookahead import cheats, honest
from tests.lookahead.conftest import END, START
from tests.naming import name_of

import optarb
from optarb.errors import BadData, ComponentError, ConfigurationError
from optarb.indicators import named
from optarb.lookahead import check_lookahead
from optarb.lookahead._processes import FreshProcesses
from optarb.lookahead._synthetic import synthetic_desk

# What each indicator reads, from its definition: the column; the first row that is wrong and the last row that it needs, both
# counted from the row of the first session asked about. None stands for the first row of all, and for the last.
INDICATORS = [
    (cheats.FutureClose(), "future_close", "close", 0, 1),
    (cheats.CentredMean(), "centred_mean", "high", -1, 2),
    (cheats.ScaledOnAll(), "scaled", "volume", None, None),
    (cheats.CentredDpo(), "dpo", "close", -10, 11),  # moved back by 20 / 2 + 1
    (cheats.Chikou(), "chikou", "close", -25, 26),  # moved back by 26
]


@pytest.mark.parametrize(("indicator", "field", "column", "first", "reach"), INDICATORS, ids=lambda one: str(one)[:20])
def test_check_when_an_indicator_reads_later_rows_then_row_column_and_reach_are_named(  # noqa: PLR0917 - fixtures and columns of the table
    found, bars, indicator, field, column, first, reach
):
    row = bars.rows[START]

    finding = found(indicator)["future"]

    assert finding.field == f"SPX.{field}"
    assert finding.session == bars.dates[0 if first is None else row + first]
    [reached] = finding.inputs
    assert (reached.symbol, reached.source, reached.column) == ("SPX", "bars", column)
    assert reached.known_through == START
    assert reached.reached == bars.dates[-1 if reach is None else row + reach]
    assert {"cut", "replace"} <= set(finding.tries)


def test_check_when_gaps_are_filled_from_behind_then_first_row_before_the_next_known_one(found, bars):
    row = bars.rows[START]
    known_before = max(i for i in range(row + 1) if i % 5 == 4)

    finding = found(cheats.BackFilled())["future"]

    # The first row after the last known one; or, where START is a known row itself, the one after it.
    assert finding.session == bars.dates[known_before + 1]
    assert finding.inputs[0].reached == bars.dates[known_before + 5]


def test_check_when_pivots_are_revised_then_first_pivot_is_named_though_most_rows_are_right(found, bars):
    high, row = bars.high, bars.rows[START]
    pivots = [i for i in range(row - 2, len(bars) - 3) if high[i] == max(high[i - 3 : i + 4])]

    finding = found(cheats.RevisedPivot())["future"]

    assert (finding.session, finding.expected, finding.got) == (bars.dates[pivots[0]], "1.0", "0.0")
    assert finding.inputs[0].reached == bars.dates[pivots[0] + 3]


def test_check_when_only_the_number_of_sessions_is_read_then_found_without_an_input(check):
    report = check(cheats.LengthTold())

    [finding] = report.findings
    assert (finding.kind, finding.tries, finding.inputs) == ("future", ("cut",), ())
    assert "no single input alone" in str(report)


def test_check_when_an_indicator_reads_behind_its_array_then_memory(found):
    assert set(found(cheats.BehindTheArray())) == {"memory"}


def test_check_when_an_expert_reads_the_engines_bars_then_sessions_bar_is_named(found, bars):
    rows = [row for row in range(bars.rows[START], len(bars)) if bars.close[row] > bars.open[row]]

    finding = found(cheats.AroundTheView())["future"]

    # With the future cut off, the bar of the session opens and closes where the session before opened and closed.
    before = [row for row in range(bars.rows[START], len(bars)) if (row in rows) != (bars.close[row - 1] > bars.open[row - 1])]
    assert (finding.session, finding.field) == (bars.dates[before[0]], "SPX.confidence")
    named_inputs = {(one.symbol, one.column, one.reached) for one in finding.inputs}
    assert ("SPX", "close", finding.session) in named_inputs
    assert {one.known_through for one in finding.inputs} == {bars.dates[before[0] - 1]}


def test_check_when_an_expert_reads_behind_a_chain_then_future_of_the_quotes_and_memory(found):
    kinds = found(cheats.LaterQuotes())

    assert set(kinds) == {"future", "memory"}
    assert (kinds["future"].session, kinds["future"].field) == (START, "SPX.confidence")
    assert {(one.source, one.column, one.reached) for one in kinds["future"].inputs} == {("chain", "asks", END)}


def test_check_when_an_indicator_keeps_its_bars_for_an_expert_then_the_expert_is_caught(found, bars):
    row = bars.rows[START]
    rises = [row + i for i in range(len(bars) - row) if bars.close[row + i] > bars.close[row + i - 1]]

    finding = found(cheats.ReadsKept(), indicators=[cheats.KeepsBars()])["future"]

    assert (finding.session, finding.field) == (bars.dates[rises[0]], "SPX.confidence")
    assert ("SPX", "close", finding.session) in {(one.symbol, one.column, one.reached) for one in finding.inputs}


def test_check_when_a_label_is_kept_as_a_feature_then_the_model_and_the_closes_after_its_cut_off_are_named(found, bars):
    finding = found(cheats.TrainedOnLabels(), indicators=[cheats.LaterReturn()])["future"]

    _assert_model(finding, bars, reach=5)


def test_check_when_a_model_is_trained_past_its_cut_off_then_model_and_closes_are_named(found, bars):
    _assert_model(found(cheats.TrainedTooLate())["future"], bars, reach=2)


def _assert_model(finding, bars, *, reach):
    """The cut-offs are every fifth session from the 300th on; a session's model is that of the newest before it."""
    cutoff = max(day for day in bars.dates[300::5] if day < finding.session)
    assert finding.field == "SPX.model"
    assert f"cut-off {cutoff}" in finding.expected
    [of_spx] = [one for one in finding.inputs if one.symbol == "SPX"]
    assert (of_spx.column, of_spx.known_through) == ("close", cutoff)
    assert of_spx.reached == bars.dates[bars.rows[cutoff] + reach]


def test_check_when_a_policy_reads_the_sessions_bar_then_its_entries_are_named(found):
    finding = found(cheats.takes_what_rises)["future"]

    assert finding.field.startswith("verdicts[")
    assert finding.field.endswith("].units")
    assert ("SPX", "close", finding.session) in {(one.symbol, one.column, one.reached) for one in finding.inputs}


def test_check_when_exits_read_the_next_low_then_the_exit_is_named(found, bars):
    finding = found(cheats.ExitsBeforeFalls())["future"]

    assert finding.field.startswith("exits[0].")
    later = bars.dates[bars.rows[finding.session] + 1]
    assert later in {one.reached for one in finding.inputs if one.column == "low"}


def test_check_when_bars_of_the_session_may_be_known_then_reading_them_is_no_finding_and_later_ones_are(check, bars):
    spec = optarb.BacktestSpec(strategy="synthetic", start=START, end=END, bars="same_session")

    assert check(cheats.AroundTheView(), spec=spec).ok
    [finding] = check(cheats.TrainedTooLate(), spec=spec).findings

    assert finding.kind == "future"
    assert finding.inputs[0].known_through in bars.dates[300::5]


# Other things than the future


def test_check_when_calls_are_counted_then_repetition(found):
    assert "repetition" in found(cheats.CountsCalls())


@pytest.mark.parametrize("read", ["today", "now", "time"])
def test_check_when_the_clock_is_read_then_clock_alone(found, read):
    assert set(found(cheats.ReadsTheClock(read=read))) == {"clock"}


@pytest.mark.parametrize("source", ["global", "numpy"])
def test_check_when_the_global_generator_is_drawn_from_then_randomness(found, source):
    assert {"repetition", "randomness"} <= set(found(cheats.DrawsNumbers(source=source)))


def test_check_when_chance_decides_then_nothing_else_is_tried_and_the_report_says_so(check):
    report = check(cheats.DrawsNumbers(source="entropy"))

    assert {one.kind for one in report.findings} == {"repetition"}
    assert dict(report.not_tried)["cut"] == "answers differ while nothing is changed"
    assert "cut" not in {one.name for one in report.tried}


@pytest.mark.parametrize(
    ("component", "indicators", "kinds"),
    [
        (cheats.FirstCallerTrains(), (), {"order", "blocks"}),
        (cheats.ModelOfTheFirstFit(), (), {"order", "blocks"}),
        (cheats.StructureOfTheFirst(), (), {"order"}),
        (cheats.ReadsKept(), (cheats.KeepsBars(first_only=True),), {"future"}),
        (cheats.OrderOfASet(), (), {"process"}),
        (cheats.DiffersSeldom(), (), {"process"}),
        (cheats.DrawsNumbers(source="entropy"), (), {"repetition", "randomness"}),
    ],
    ids=lambda one: type(one).__name__,
)
def test_check_when_only_fresh_processes_can_tell_then_found_there_and_missed_in_one(found, component, indicators, kinds):
    assert kinds <= set(found(component, indicators=indicators, sessions=4, processes=True))
    here = set(found(component, indicators=indicators, sessions=4))
    assert here < kinds or not here & kinds


# What is honest


@pytest.mark.parametrize(
    "component",
    [
        honest.Remembers(),
        honest.SeededNoise(),
        honest.ReadsAhead(),
        honest.AsksOutside(),
        honest.Trains(),
        honest.Recursive(),
        honest.TrailingStop(),
        honest.CalmPolicy(),
    ],
    ids=lambda one: type(one).__name__,
)
def test_check_when_the_component_is_honest_then_nothing_is_found(check, component):
    report = check(component, every=component == honest.Trains())

    assert report.ok, str(report)
    assert report.answered > 2


@pytest.mark.parametrize("component", [honest.Remembers(), honest.AsksOutside(), honest.TrailingStop()], ids=repr)
def test_check_when_an_honest_component_is_asked_in_fresh_processes_then_nothing_is_found(check, component):
    report = check(component, processes=True, sessions=2)

    assert report.ok, str(report)
    assert report.not_tried == ()


def test_check_when_a_component_refuses_nan_then_counted_and_no_finding(check):
    report = check(honest.Recursive())

    assert [(one.sessions, one.refused) for one in report.tried if one.name == "nan"] == [(0, 3)]


# The report and what is refused


def test_check_when_done_then_report_says_what_was_tried_and_where(check, bars):
    report = check(named("sma_5"))
    sessions = len(bars) - bars.rows[START]

    assert (report.component, report.role) == ("optarb.indicators.catalogue:CatalogueIndicator", "indicator")
    assert (report.first, report.last, report.answered) == (START, END, sessions)
    tried = {one.name: one.sessions for one in report.tried}
    assert tried == {"repetition": 3, "randomness": sessions, "clock": sessions, "order": sessions, "cut": sessions} | (
        dict.fromkeys(("replace", "shuffle", "shift", "nan", "memory"), 3)
    )
    assert report.not_tried == (("process", "processes=False"),)


def test_check_when_every_session_is_wanted_then_each_is_tried(check, bars):
    tried = {one.name: one.sessions for one in check(named("sma_5"), every=True).tried}

    assert tried["shuffle"] == tried["cut"] == len(bars) - bars.rows[START]


def test_check_when_a_desk_comes_without_a_spec_then_its_last_250_sessions(monkeypatch):
    desk = synthetic_desk(0)
    dates = desk.market_data.bars("SPX").dates
    monkeypatch.setattr("optarb.lookahead._material._DEFAULT_SESSIONS", 5)

    report = check_lookahead(named("sma_5"), desk=desk, sessions=1, processes=False)

    assert (report.first, report.last) == (dates[-5], dates[-1])


def test_check_when_a_desk_has_bars_alone_then_indicators_are_checked_and_experts_refused():
    desk = synthetic_desk(0)
    desk = optarb.Desk(strategies=desk.strategies, market_data=desk.market_data.bars_from)
    spec = optarb.BacktestSpec(strategy="synthetic", start=START, end=END)

    assert check_lookahead(named("sma_5"), desk=desk, spec=spec, sessions=1, processes=False).ok
    with pytest.raises(BadData, match="no quotes of 'SPX' here"):
        check_lookahead(honest.SeededNoise(), desk=desk, spec=spec, processes=False)


def test_check_when_seeds_differ_then_other_sessions_are_drawn_and_equal_seeds_give_equal_reports(check):
    assert check(cheats.FutureClose(), seed=3) == check(cheats.FutureClose(), seed=3)
    first, second = (check(cheats.BehindTheArray(), seed=seed).findings[0].session for seed in (1, 2))
    assert first != second


def test_check_when_it_was_random_here_before_then_it_goes_on_as_if_nothing_had_been(check):
    random.seed(5)
    expected = [random.random() for _ in range(4)][2:]
    random.seed(5)
    before = [random.random() for _ in range(2)]

    check(cheats.DrawsNumbers())

    assert [random.random() for _ in range(2)] == expected != before


def test_check_when_a_component_belongs_to_a_script_then_asked_here_and_the_report_says_so(check, monkeypatch):
    monkeypatch.setattr(cheats.CountsCalls, "__module__", "__main__")
    monkeypatch.setattr("__main__.CountsCalls", cheats.CountsCalls, raising=False)

    report = check(cheats.CountsCalls(), processes=True)

    assert "CountsCalls is defined in the script or the notebook" in dict(report.not_tried)["process"]
    assert {"repetition"} <= {one.kind for one in report.findings}


def silent(view):
    """An expert without opinions."""


def broken(view):
    raise RuntimeError("it broke")


def ends_the_process(view):
    import os

    os._exit(3)


def two_positional(first, second, third, fourth):
    """No role has four parameters."""


@pytest.mark.parametrize(
    ("component", "kind", "message"),
    [
        (silent, ComponentError, r"expert answered in none of 28 sessions, so that nothing was checked"),
        (broken, ComponentError, r"RuntimeError: it broke"),
        (two_positional, ConfigurationError, r"'two_positional' takes 4 parameters; an expert takes one"),
        (cheats.CountsCalls, ConfigurationError, r"pass CountsCalls\(\), not CountsCalls"),
        (lambda view: None, ConfigurationError, r"is a lambda"),
        (optarb.ExchangeCalendar(), ConfigurationError, r"ExchangeCalendar is no indicator .* cannot be checked"),
    ],
    ids=name_of,
)
def test_check_when_nothing_can_be_checked_then_error_says_why(check, component, kind, message):
    with pytest.raises(kind, match=message):
        check(component)


def test_check_when_a_component_fails_in_a_fresh_process_then_error_here(check):
    with pytest.raises(ComponentError, match="RuntimeError: it broke"):
        check(broken, processes=True)


def test_check_when_a_component_ends_its_process_then_error_says_what_to_do(check, monkeypatch):
    monkeypatch.setattr("optarb.lookahead.check.FreshProcesses", FreshProcesses)
    with pytest.raises(ComponentError, match=r"the process .* ended.*processes=False"):
        check(ends_the_process, processes=True)


def waits(view):
    time.sleep(60)


def test_check_when_interrupted_then_the_process_at_work_ends_too(check, monkeypatch):
    started = []

    class Interrupted(FreshProcesses):
        def __enter__(self):
            started.append(super().__enter__())
            return self

        def _read(self, size):
            raise KeyboardInterrupt

    monkeypatch.setattr("optarb.lookahead.check.FreshProcesses", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        check(waits, processes=True)

    assert [one._process.returncode for one in started] == [-signal.SIGKILL] * 2


def test_check_when_arguments_do_not_fit_then_refused():
    spec = optarb.BacktestSpec(strategy="synthetic", start=START, end=END)
    with pytest.raises(ConfigurationError, match="sessions must be 1 or more, got 0"):
        check_lookahead(named("sma_5"), sessions=0)
    with pytest.raises(ConfigurationError, match="a spec needs the desk it is for"):
        check_lookahead(named("sma_5"), spec=spec)
