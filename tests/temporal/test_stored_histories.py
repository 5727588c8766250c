"""Runs that users may have under way go on with today's workflows: histories of earlier ones replay.

A failure here means that a workflow gives other commands than it did. See "Changing a workflow" in docs/contributing.md.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from scripts import record_histories
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError
from tests.temporal import trading_rig
from tests.temporal.histories import changed, scenarios

import optarb

HISTORIES = Path(__file__).parent / "histories"
FILES = sorted(HISTORIES.glob("*/*.json.gz"))
NEWEST = HISTORIES / optarb.__version__
each_history = pytest.mark.parametrize(
    "file", FILES, ids=lambda file: f"{file.parent.name}/{file.name.removesuffix('.json.gz')}"
)


@pytest.fixture(scope="module", autouse=True)
def nothing_left_behind():
    """Replaces the fixture of that name: nothing here needs a server."""


@pytest.fixture(scope="module")
def as_shipped(tmp_path_factory):
    """Replays with every workflow that a worker with the plugin has."""
    nowhere = tmp_path_factory.mktemp("nowhere")
    return Replayer(workflows=[], plugins=[optarb.OptarbPlugin(trading_rig.make_live_desk(nowhere))], build_id="tests")


def load(file):
    text = gzip.decompress(file.read_bytes()).decode()
    return WorkflowHistory.from_json(f"optarb-backtest/{file.name.partition('.')[0]}", text)


def replay(file, workflow):
    """Replays a history on another workflow; raises what a workflow task would fail with."""
    replayer = Replayer(workflows=[workflow], plugins=[optarb.OptarbPlugin()], build_id="tests")
    asyncio.run(replayer.replay_workflow(load(file)))


@each_history
def test_history_when_replayed_on_the_workflows_as_they_are_then_same_commands(file, as_shipped):
    asyncio.run(as_shipped.replay_workflow(load(file)))


def test_histories_when_listed_then_each_scenario_of_this_version_is_there():
    recorded = {file.name.partition(".")[0] for file in NEWEST.glob("*.json.gz")}

    assert recorded == {scenario.__name__ for scenario in scenarios.SCENARIOS}


def test_histories_when_listed_then_each_workflow_that_a_worker_has_is_among_them(as_shipped):
    starts = [load(file).events[0].workflow_execution_started_event_attributes for file in NEWEST.glob("*.json.gz")]
    shipped = as_shipped.config(active_config=True)["workflows"]

    assert {start.workflow_type.name for start in starts} == {workflow._Definition.must_from_class(one).name for one in shipped}


@pytest.mark.parametrize(
    ("name", "end", "among"),
    [
        ("plain.1", "COMPLETED", {}),
        ("trained.1", "COMPLETED", {"optarb.backtest.training": 6}),
        ("finished_before.1", "COMPLETED", {"ACTIVITY_TASK_SCHEDULED": 1}),
        ("resumed.1", "COMPLETED", {"optarb.backtest.signals": 0, "optarb.backtest.trade": 2}),
        ("retried.1", "COMPLETED", {"second attempt": 1}),
        ("gave_up.1", "FAILED", {"ACTIVITY_TASK_FAILED": 1, "second attempt": 1, "optarb.backtest.release": 1}),
        ("failed.1", "FAILED", {"ACTIVITY_TASK_FAILED": 1, "second attempt": 0, "optarb.backtest.release": 1}),
        ("failed_in_claim.1", "FAILED", {"ACTIVITY_TASK_FAILED": 1, "optarb.backtest.ingest": 0}),
        ("asked_to_stop.1", "FAILED", {"ACTIVITY_TASK_FAILED": 1, "optarb.backtest.release": 1}),
        ("cancelled_in_signals.1", "CANCELED", {"WORKFLOW_EXECUTION_CANCEL_REQUESTED": 1, "optarb.backtest.trade": 0}),
        ("cancelled_in_trade.1", "CANCELED", {"WORKFLOW_EXECUTION_CANCEL_REQUESTED": 1, "ACTIVITY_TASK_CANCELED": 1}),
        ("continued.1", "CONTINUED_AS_NEW", {"optarb.backtest.close": 0}),
        ("continued.2", "COMPLETED", {"optarb.backtest.ingest": 0, "optarb.backtest.close": 1}),
        ("sweep_plain.1", "COMPLETED", {"CHILD_WORKFLOW_EXECUTION_COMPLETED": 3}),
        (
            "sweep_with_a_failure.1",
            "COMPLETED",
            {"CHILD_WORKFLOW_EXECUTION_COMPLETED": 2, "CHILD_WORKFLOW_EXECUTION_FAILED": 1},
        ),
        ("sweep_cancelled.1", "CANCELED", {"CHILD_WORKFLOW_EXECUTION_CANCELED": 1, "optarb.backtest.release": 1}),
        ("sweep_resumed.1", "COMPLETED", {"CHILD_WORKFLOW_EXECUTION_COMPLETED": 3}),
        ("sweep_failed_in_claim.1", "FAILED", {"START_CHILD_WORKFLOW_EXECUTION_INITIATED": 0}),
        ("sweep_continued.1", "CONTINUED_AS_NEW", {"optarb.backtest.close_sweep": 0}),
        ("sweep_continued.2", "COMPLETED", {"optarb.backtest.close_sweep": 1}),
        (
            "trading_day.1",
            "COMPLETED",
            {"CHILD_WORKFLOW_EXECUTION_COMPLETED": 1, "EXTERNAL_WORKFLOW_EXECUTION_SIGNALED": 1, "optarb.trading.begin": 1},
        ),
        ("trading_day.2", "CONTINUED_AS_NEW", {"optarb.trading.open": 1, "optarb.trading.enter": 1}),
        ("trading_day_on_timers.1", "CANCELED", {"EXTERNAL_WORKFLOW_EXECUTION_SIGNALED": 2}),
        (
            "trading_day_on_timers.2",
            "CANCELED",
            {"TIMER_FIRED": 1, "TIMER_CANCELED": 2, "optarb.trading.controls": 1, "optarb.trading.release": 1},
        ),
        ("trading_day_steered.1", "CANCELED", {"EXTERNAL_WORKFLOW_EXECUTION_SIGNALED": 2}),
        ("trading_day.5", "COMPLETED", {"optarb.trading.open": 0, "optarb.trading.enter": 0, "optarb.trading.report": 1}),
        (
            "trading_day_steered.3",
            "CONTINUED_AS_NEW",
            {"WORKFLOW_EXECUTION_UPDATE_COMPLETED": 1, "optarb.trading.controls": 1},
        ),
    ],
)
def test_history_when_read_then_is_of_what_its_name_says(name, end, among):
    events = json.loads(gzip.decompress((NEWEST / f"{name}.json.gz").read_bytes()))["events"]

    found = Counter(event["eventType"].removeprefix("EVENT_TYPE_") for event in events)
    for event in events:
        if scheduled := event.get("activityTaskScheduledEventAttributes"):
            found[scheduled["activityType"]["name"]] += 1
        if started := event.get("activityTaskStartedEventAttributes"):
            found["second attempt"] += started["attempt"] == 2
    assert events[-1]["eventType"] == f"EVENT_TYPE_WORKFLOW_EXECUTION_{end}"
    assert {what: found[what] for what in among} == among


@each_history
def test_history_when_read_then_it_is_small_and_names_nothing_of_a_machine(file):
    fields = json.loads(gzip.decompress(file.read_bytes()))

    said = "\n".join(record_histories.texts(fields))
    assert re.search(r"optarb\.(backtest|trading)\.", said)  # a name in plain text
    assert '"strategy":' in said  # and what payloads hold
    assert re.findall(r"\d+@[\w.-]+|(?<![\w/.-])/\w+/[\w./-]+|File \"|[A-Z]:\\", said) == []
    assert file.stat().st_size < 20_000


def test_recording_when_a_history_names_the_machine_then_it_is_not_written():
    history = load(NEWEST / "plain.1.json.gz")

    assert json.loads(record_histories.written(history, secrets=["no-such-host"])) == history.to_json_dict()
    for secret in ("swings", "worker"):  # in a payload, and in plain text
        with pytest.raises(ValueError, match=f"plain' names '{secret}'; it must not be kept"):
            record_histories.written(history, secrets=[secret])


def test_recording_when_a_failure_has_a_stack_trace_then_it_is_left_out():
    history = load(NEWEST / "failed.1.json.gz")
    (failed,) = [event for event in history.events if event.HasField("activity_task_failed_event_attributes")]
    failed.activity_task_failed_event_attributes.failure.cause.stack_trace = 'File "secret.py"'

    text = record_histories.written(history, secrets=["secret.py"])

    assert "ComponentError" in text
    assert "stackTrace" not in text


@pytest.mark.parametrize(
    ("change", "found", "expected"),
    [
        (changed.OneActivityMore, "optarb.backtest.features", "acme.notify"),
        (changed.OtherOrder, "optarb.backtest.ingest", "optarb.backtest.trade"),
    ],
    ids=["one activity more", "another order"],
)
def test_replay_when_the_workflow_was_changed_then_it_fails(change, found, expected):
    with pytest.raises(NondeterminismError) as caught:
        replay(NEWEST / "plain.1.json.gz", change)

    assert found in str(caught.value)
    assert expected in str(caught.value)


@pytest.mark.parametrize("name", ["plain.1", "continued.2", "cancelled_in_trade.1"])
def test_replay_when_the_change_is_patched_then_runs_under_way_go_on(name):
    replay(NEWEST / f"{name}.json.gz", changed.Patched)
