from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest
from benchmarks import data, reference, strategy
from benchmarks.actions import Cost, histories_of
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from tests.temporal.workers import working

import optarb

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "explanation" / "cost-on-temporal.md"
SUGGESTED_AT = 4096  # events of one run: the default of limit.historyCount.suggestContinueAsNew


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Twenty years of the S&P 500 with a chain in every session."""
    folder = tmp_path_factory.mktemp("twenty")
    bars = data.index_bars()
    data.write_bars(bars, folder / "bars")
    data.write_chain(bars, folder / "quotes" / "SPX.parquet", strikes=11)
    return folder


@pytest.fixture(scope="module")
def alone(files, tmp_path_factory):
    """Runs a spec in this process, on a store and a cache of its own."""

    def run(spec):
        with strategy.desk(tmp_path_factory.mktemp("alone"), data=files) as desk:
            return optarb.backtest(spec, desk).summary

    return run


@pytest.fixture
def on_a_server(temporal_address, files, tmp_path):
    """Runs a spec on Temporal, on a store and a cache of its own."""

    async def run(spec):
        desk = strategy.desk(tmp_path, data=files)
        # A task that waits on a slow machine is not put into another queue, which would be two events more.
        patient = {"sticky_queue_schedule_to_start_timeout": timedelta(seconds=60)}
        async with working(temporal_address, desk, tmp_path.name, **patient) as client:
            handle = await optarb.start_backtest(client, spec, task_queue=tmp_path.name)
            summary = await handle.result()
            return summary, await histories_of(client, handle.workflow.id, handle.workflow.first_execution_run_id)

    return lambda spec: asyncio.run(run(spec))


def documented(heading):
    """Rows of the page's first table below a heading: numbers by the first cell."""
    text = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2]
    rows = re.findall(r"^\| *(\d+) *\|(.*)\|$", text.partition("\n## ")[0], re.MULTILINE)
    return {int(first): [int(cell.replace(",", "")) for cell in rest.split("|")] for first, rest in rows}


def test_backtest_when_twenty_years_then_trades_and_profit_of_a_plain_loop(alone, files):
    summary = alone(strategy.spec(*strategy.YEARS[20]))

    trades, profit = reference.run(files, *strategy.YEARS[20])

    assert (summary.sessions, summary.trades) == (5031, trades)
    assert trades > 300
    assert float(summary.pnl_usd) == pytest.approx(profit, abs=0.005)


@pytest.mark.parametrize("years", [1, 5, 20])
def test_backtest_when_long_on_a_server_then_same_ledger_at_the_cost_that_the_page_tells(years, alone, on_a_server):
    spec = strategy.spec(*strategy.YEARS[years])

    summary, histories = on_a_server(spec)

    cost = Cost.of(*histories)
    blocks = spec.model_copy(update={"execution": optarb.ExecutionSpec(block_sessions=13)})
    assert summary.digest == alone(blocks).digest
    assert cost.runs == 1
    sessions, activities, actions, events, size = documented("What a run leaves behind")[years][:5]
    # A slow machine takes a further slice of ten seconds, which is one activity more.
    scheduled = [event.activity_task_scheduled_event_attributes.activity_type.name for event in histories[0].events]
    slices = scheduled.count("optarb.backtest.trade") - 1
    assert (summary.sessions, cost.activities - slices, cost.actions - slices) == (sessions, activities, actions)
    # Three events an activity, two for the run, and three for each time that one activity ends or several at once do:
    # there are six steps one after the other, and a first task.
    for seen, of in ((cost.events, cost.activities), (events, activities)):
        assert 3 * of + 2 + 3 * 7 <= seen <= 6 * of + 5
    assert cost.size == pytest.approx(size, rel=0.3)


def test_backtest_when_history_reaches_the_servers_own_threshold_then_continues_as_new(alone, on_a_server):
    period = ("2017-01-03", "2019-12-31")
    each_session = optarb.ExecutionSpec(block_sessions=1, time_slice_seconds=0)

    summary, (first, last) = on_a_server(strategy.spec(*period, execution=each_session))

    assert summary.sessions == summary.blocks_computed["trade"] == 754
    assert summary.digest == alone(strategy.spec(*period)).digest
    assert not last.events[0].workflow_execution_started_event_attributes.HasField("continued_failure")
    asked = [e.event_id for e in first.events if e.workflow_task_started_event_attributes.suggest_continue_as_new]
    # Asked once, by the first task after the threshold, and followed at once: that task completes, and the run with it.
    assert len(asked) == 1
    assert SUGGESTED_AT <= asked[0] <= SUGGESTED_AT + 6
    assert len(first.events) == asked[0] + 2
    assert len(last.events) < len(first.events)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_backtest_when_twenty_years_commit_each_session_then_continues_as_new_again_and_again(alone, on_a_server):
    each_session = optarb.ExecutionSpec(block_sessions=1, time_slice_seconds=0)

    summary, histories = on_a_server(strategy.spec(*strategy.YEARS[20], execution=each_session))

    assert summary.digest == alone(strategy.spec(*strategy.YEARS[20])).digest
    assert summary.blocks_computed["trade"] == 5031
    # 5,031 sessions of six events each, cut at 4,096.
    assert len(histories) == 8
    assert all(len(history.events) <= SUGGESTED_AT + 10 for history in histories)
    assert documented("What makes it more")[20][0] == Cost.of(*histories).actions


def test_cost_when_history_is_written_by_hand_then_actions_are_those_that_are_billed():
    def events(*kinds, attempts=()):
        made = [HistoryEvent() for _ in (*kinds, *attempts)]
        for event, kind in zip(made, kinds, strict=False):
            getattr(event, f"{kind}_event_attributes").SetInParent()
        for event, attempt in zip(made[len(kinds) :], attempts, strict=True):
            event.activity_task_started_event_attributes.attempt = attempt
        return WorkflowHistory("by hand", made)

    first = events(
        "workflow_execution_started",
        "workflow_task_scheduled",
        "workflow_task_started",
        "workflow_task_completed",
        "activity_task_scheduled",
        "activity_task_scheduled",
        "activity_task_completed",
        "timer_started",
        "timer_fired",
        "workflow_execution_continued_as_new",
        attempts=(1, 4),
    )
    second = events("workflow_execution_started", "workflow_execution_completed")

    cost = Cost.of(first, second)

    # Two starts, two activities, three tries more, and a timer.
    assert (cost.runs, cost.events, cost.longest, cost.activities, cost.actions) == (2, 14, 12, 2, 8)
    assert cost.size == sum(event.ByteSize() for one in (first, second) for event in one.events)
