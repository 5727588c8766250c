"""Sweeps on a server: the ledgers of a sweep in process, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from tests.temporal import rig
from tests.temporal.acme.workflow import AcmeBacktest
from tests.temporal.workers import WorkerProcess, history, working

import optarb
from optarb.backtesting.sweep import sweep
from optarb.reports.sweep_result import load_sweep
from optarb.specs import SweepSpec
from optarb.temporal import server
from optarb.temporal.sweep_starting import follow_sweep, start_sweep

RANGE = {"start": rig.START, "end": rig.session(39)}
GRID = {"policy.max_open_positions": [2, 8], "exits.max_hold_sessions": [2, 4]}
AT = rig.session(20)


def spec(**fields):
    return rig.make_spec(**RANGE, **fields)


@pytest.fixture(scope="module")
def expected(market, tmp_path_factory):
    """Digests of the settings of GRID, swept in this process on a store and a cache of its own."""
    with rig.make_desk(market, tmp_path_factory.mktemp("in-process")) as desk:
        table = sweep(spec(), desk, GRID, processes=1, progress=False).table()
    assert table["digest"].nunique() == 4
    assert (table["trades"] > 20).all()
    return list(table["digest"])


def read(desk, sweep_id):
    return load_sweep(desk, sweep_id).table()


def test_sweep_when_run_on_a_server_then_the_ledgers_of_one_in_process(temporal_address, make_desk, expected):
    desk = make_desk()

    async def run():
        async with working(temporal_address, desk, "sweep") as client:
            handle = await start_sweep(client, spec(), GRID, task_queue="sweep", sweep_id="all")
            summary = await handle.result()
            one = await optarb.follow_backtest(client, "all/3").result()
            return summary, one, await handle.progress(), await history(handle), await follow_sweep(client, "all").result()

    summary, one, progress, seen, again = asyncio.run(run())

    table = read(desk, "all")
    assert list(table["digest"]) == expected
    assert summary.model_dump() == {"sweep_id": "all", "settings": 4, "finished": 4, "failed": 0}
    assert again == summary
    assert one == load_sweep(desk, "all").result(3).summary
    assert progress == optarb.Progress(backtest_id="all", phase="finished", done=4, total=4)
    assert seen.activities == {"optarb.backtest.claim_sweep": 1, "optarb.backtest.close_sweep": 1}
    assert seen.failed_tasks == 0
    assert desk.store.book("all").status == "finished"


def test_history_when_a_sweep_ran_then_few_events_a_setting(temporal_address, make_desk):
    """The figure that the guide on sweeps names: at most 9 events a setting."""
    desk = make_desk()
    grid = {"policy.max_open_positions": range(1, 9)}

    async def run():
        async with working(temporal_address, desk, "events") as client:
            handle = await start_sweep(client, rig.make_spec(start=rig.START, end=rig.session(3)), grid, task_queue="events")
            await handle.result()
            return [event async for event in handle.workflow.fetch_history_events()]

    assert len(asyncio.run(run())) <= 8 * 9 + 20


def test_progress_when_settings_run_then_counts_those_that_ended_and_a_second_start_is_refused(
    temporal_address, make_desk, keeper
):
    desk = make_desk(policy_gate=keeper.gate(AT))

    async def run():
        async with working(temporal_address, desk, "asked", keeper=keeper) as client:
            handle = await start_sweep(client, spec(max_in_flight=2), GRID, task_queue="asked", sweep_id="asked")
            await keeper.reached()
            progress = await follow_sweep(client, "asked").progress()
            with pytest.raises(optarb.AlreadyRunning, match="sweep 'asked' is running on this server"):
                await start_sweep(client, spec(), GRID, task_queue="asked", sweep_id="asked")
            keeper.open()
            await handle.result()
            return progress

    assert asyncio.run(run()) == optarb.Progress(backtest_id="asked", phase="settings", done=0, total=4)


def test_sweep_when_cancelled_then_its_settings_stop_and_it_goes_on_later(temporal_address, market, tmp_path, keeper, expected):
    desk = rig.make_desk(market, tmp_path, policy_gate=keeper.gate(AT, until_cancelled=True))

    async def run():
        async with working(temporal_address, desk, "stop", keeper=keeper) as client:
            handle = await start_sweep(client, spec(), GRID, task_queue="stop", sweep_id="stopped")
            await keeper.reached()
            await handle.cancel()
            with pytest.raises(optarb.Cancelled, match="sweep 'stopped' was cancelled; start it again with its sweep_id"):
                await handle.result()
            statuses = [desk.store.book("stopped").status, *read(desk, "stopped")["status"]]
            child = await optarb.follow_backtest(client, "stopped/0").workflow.describe()
            again = await start_sweep(client, spec(), GRID, task_queue="stop", sweep_id="stopped")
            return statuses, child.status, await again.result()

    statuses, child, summary = asyncio.run(run())

    assert statuses == ["cancelled", "cancelled", "pending", "pending", "pending"]
    assert child == WorkflowExecutionStatus.CANCELED
    assert summary.finished == 4
    assert list(read(desk, "stopped")["digest"]) == expected


def test_sweep_when_terminated_then_its_settings_are_asked_to_stop(temporal_address, market, tmp_path, keeper):
    desk = rig.make_desk(market, tmp_path, policy_gate=keeper.gate(AT, until_cancelled=True))

    async def run():
        async with working(temporal_address, desk, "end", keeper=keeper) as client:
            handle = await start_sweep(client, spec(), GRID, task_queue="end", sweep_id="ended")
            await keeper.reached()
            await handle.workflow.terminate()
            with pytest.raises(optarb.Cancelled, match="'ended/0' was cancelled"):
                await optarb.follow_backtest(client, "ended/0").result()

    asyncio.run(run())

    assert desk.store.book("ended/0").status == "cancelled"


def test_sweep_when_some_settings_are_finished_then_only_the_others_run(temporal_address, make_desk, expected):
    desk = make_desk()

    async def run():
        async with working(temporal_address, desk, "rest") as client:
            await (await optarb.start_backtest(client, _setting("rest", 2), task_queue="rest")).result()
            before = desk.store.book("rest/2")
            handle = await start_sweep(client, spec(), GRID, task_queue="rest", sweep_id="rest")
            await handle.result()
            kind = "start_child_workflow_execution_initiated_event_attributes"
            events = [event async for event in handle.workflow.fetch_history_events() if event.HasField(kind)]
            return before, [getattr(event, kind).workflow_id for event in events]

    before, children = asyncio.run(run())

    assert children == [f"optarb-backtest/rest/{number}" for number in (0, 1, 3)]
    assert desk.store.book("rest/2") == before
    assert list(read(desk, "rest")["digest"]) == expected


def _setting(sweep_id, number):
    return SweepSpec.of(spec(), GRID, sweep_id).setting(number)


def test_sweep_when_a_worker_is_killed_then_another_finishes_with_the_same_ledgers(
    temporal_address, make_desk, tmp_path, keeper, expected
):
    desk = make_desk(policy_gate=keeper.gate(AT))
    quick = spec(heartbeat_timeout_seconds=2, retry_interval_seconds=0.1, lease_seconds=3600)

    async def run():
        client = await Client.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        async with (
            WorkerProcess(temporal_address, desk, "kill-sweep", tmp_path) as first,
            WorkerProcess(temporal_address, desk, "kill-sweep", tmp_path) as second,
        ):
            await first.work()
            handle = await start_sweep(
                client, quick, GRID, task_queue="kill-sweep", sweep_id="killed", task_timeout=timedelta(seconds=1)
            )
            assert await keeper.reached() == first.pid
            first.kill()
            await second.work()
            return await handle.result()

    assert asyncio.run(run()).finished == 4
    assert list(read(desk, "killed")["digest"]) == expected


def test_setting_when_its_component_raises_then_the_others_finish(temporal_address, make_desk):
    desk = make_desk()
    grid = {"bad.at": ["2018-03-20", "2019-01-02", "2018-03-21"]}

    async def run():
        async with working(temporal_address, desk, "bad") as client:
            handle = await start_sweep(client, spec(strategy="raising"), grid, task_queue="bad", sweep_id="bad")
            return await handle.result()

    summary = asyncio.run(run())

    table = read(desk, "bad")
    assert (summary.finished, summary.failed) == (1, 2)
    assert list(table["status"]) == ["failed", "finished", "failed"]
    assert "no opinion on 2018-03-20" in table["error"][0]
    assert desk.store.book("bad").status == "failed"


@pytest.mark.parametrize(
    ("grid", "error", "told"),
    [
        ({"swing.closses": [1]}, optarb.UnknownName, "did you mean 'closes'"),
        ({"exits.stop_loss": [-1, -1.0]}, optarb.ConfigurationError, "come to the same"),
    ],
)
def test_sweep_when_a_setting_cannot_run_then_fails_at_once_with_its_error(temporal_address, make_desk, grid, error, told):
    desk = make_desk()

    async def run():
        async with working(temporal_address, desk, "wrong") as client:
            handle = await start_sweep(client, spec(), grid, task_queue="wrong")
            with pytest.raises(error, match=told):
                await handle.result()

    asyncio.run(run())

    assert desk.store.books() == []


def test_sweep_when_a_settings_book_is_another_runs_then_it_fails_and_tells(temporal_address, make_desk):
    desk = make_desk()
    desk.store.claim("taken/1", owner="somebody", identity="x", documents={}, lease_seconds=60)

    async def run():
        async with working(temporal_address, desk, "taken") as client:
            handle = await start_sweep(client, spec(), GRID, task_queue="taken", sweep_id="taken")
            with pytest.raises(optarb.BookConflict, match="'taken/1'"):
                await handle.result()

    asyncio.run(run())

    assert desk.store.book("taken").status == "failed"


def test_sweep_when_settings_run_a_workflow_of_ones_own_then_it_is_that(temporal_address, make_desk, expected):
    desk = make_desk()

    async def run():
        async with working(temporal_address, desk, "acme-sweep", workflows=[AcmeBacktest]) as client:
            handle = await start_sweep(client, spec(), GRID, task_queue="acme-sweep", sweep_id="acme", workflow=AcmeBacktest)
            await handle.result()
            return (await optarb.follow_backtest(client, "acme/1").workflow.describe()).workflow_type

    assert asyncio.run(run()) == "acme.Backtest"
    assert list(read(desk, "acme")["digest"]) == expected


def test_sweep_when_server_suggests_it_then_continues_as_new_and_tries_no_failed_setting_again(
    monkeypatch, temporal_cli, make_desk
):
    few = "limit.historyCount.suggestContinueAsNew=25"
    monkeypatch.setattr(server, "_FAST_SETTINGS", (*server._FAST_SETTINGS, few))
    desk = make_desk()
    grid = {"bad.at": ["2018-03-02", "2019-01-02"], "swing.closes": [3, 5, 7, 9]}
    short = rig.make_spec(strategy="raising", start=rig.START, end=rig.session(3), max_in_flight=2)

    async def run():
        async with (
            optarb.EmbeddedServer(cli=temporal_cli) as embedded,
            working(embedded.address, desk, "long-sweep") as client,
        ):
            handle = await start_sweep(client, short, grid, task_queue="long-sweep", sweep_id="long")
            summary = await handle.result()
            now = await follow_sweep(client, "long").workflow.describe()
            return handle.workflow.first_execution_run_id, now.run_id, summary

    first, last, summary = asyncio.run(run())

    assert last != first
    assert summary.model_dump() == {"sweep_id": "long", "settings": 8, "finished": 4, "failed": 4}
    assert [desk.store.book(f"long/{number}").epoch for number in range(8)] == [1] * 8  # each was tried once
    assert desk.store.book("long").epoch == 1
