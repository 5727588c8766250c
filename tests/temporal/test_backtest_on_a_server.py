from __future__ import annotations

import asyncio
import re
from collections import Counter, OrderedDict
from datetime import date

import pyarrow.parquet as pq
import pytest
from temporalio import workflow
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from tests.temporal import rig
from tests.temporal.workers import history, working

import optarb
from optarb.backtesting import market_loader


def test_backtest_when_run_on_a_server_then_same_ledger_as_in_process(temporal_address, market, tmp_path, undisturbed):
    desk = rig.make_desk(market, tmp_path)

    async def run():
        async with working(temporal_address, desk, "whole") as client:
            handle = await optarb.start_backtest(client, rig.make_spec(), task_queue="whole")
            return handle.backtest_id, await handle.result(), await handle.progress()

    book_id, summary, progress = asyncio.run(run())

    assert summary.digest == undisturbed.digest
    # Neither run took over what the other had computed.
    assert summary.blocks_computed == undisturbed.blocks_computed
    assert summary.blocks_computed == {"ingest": 2, "features": 2, "signals": 14, "trade": 7}
    assert progress == optarb.Progress(backtest_id=book_id, phase="finished", done=1, total=1)
    assert optarb.load_result(desk, book_id).summary == summary


def test_names_when_a_run_is_seen_on_the_server_then_they_are_those_that_are_promised(temporal_address, make_desk):
    desk = make_desk()

    async def run():
        async with working(temporal_address, desk, "names") as client:
            handle = await optarb.start_backtest(client, rig.make_spec(backtest_id="named"), task_queue="names")
            await handle.result()
            described = await handle.workflow.describe()
            return described, await described.static_summary(), await history(handle)

    described, shown, seen = asyncio.run(run())

    assert (described.id, described.workflow_type) == ("optarb-backtest/named", "optarb.PhasedBacktest")
    assert shown == "swings 2018-03-01 to 2018-12-14"
    phases = {"claim", "ingest", "features", "signals", "trade", "close"}  # nothing here trains a model or is let go
    assert set(seen.activities) == {f"optarb.backtest.{phase}" for phase in phases}


def test_names_when_worker_registers_them_then_they_are_those_that_are_promised(make_desk):
    defined = workflow._Definition.must_from_class(optarb.PhasedBacktestWorkflow)
    activities = {one.__temporal_activity_definition.name for one in optarb.BacktestActivities(make_desk()).all()}

    assert (defined.name, set(defined.queries)) == ("optarb.PhasedBacktest", {"optarb.progress"})
    assert activities == {
        "optarb.backtest.claim",
        "optarb.backtest.ingest",
        "optarb.backtest.features",
        "optarb.backtest.training",
        "optarb.backtest.signals",
        "optarb.backtest.trade",
        "optarb.backtest.close",
        "optarb.backtest.release",
    }


def test_progress_when_trading_then_committed_sessions_are_told(temporal_address, make_desk, keeper):
    desk = make_desk(policy_gate=keeper.gate(rig.session(100)))
    spec = rig.make_spec(backtest_id="watched", block_sessions=30, time_slice_seconds=0)

    async def run():
        async with working(temporal_address, desk, "progress", keeper=keeper) as client:
            await optarb.start_backtest(client, spec, task_queue="progress")
            await keeper.reached()
            followed = optarb.follow_backtest(client, "watched")
            progress = await followed.progress()
            keeper.open()
            await followed.result()
            return progress

    assert asyncio.run(run()) == optarb.Progress(backtest_id="watched", phase="trade", done=90, total=201)


@pytest.mark.parametrize(
    ("spec", "error", "message", "book"),
    [
        (rig.make_spec(strategy="swing"), optarb.UnknownName, "unknown strategy 'swing'; did you mean 'swings'", None),
        (rig.make_spec(overrides={"swing.closed": 3}), optarb.UnknownName, "swing.closed", None),
        (rig.make_spec(end=date(2019, 3, 1)), optarb.DataError, "lies outside the bars of 'SP[XY]'", "failed"),
        (rig.make_spec(strategy="raising"), optarb.ComponentError, "RuntimeError: no opinion on 2018-05-25", "failed"),
    ],
    ids=["strategy", "override", "range", "expert"],
)
def test_result_when_run_fails_then_typed_error_at_once_and_others_go_on(
    *, temporal_address, make_desk, tmp_path, keeper, undisturbed, spec, error, message, book
):
    desk = make_desk(policy_gate=keeper.gate(rig.session(100)))
    good_id, bad_id = f"good-{tmp_path.name}", f"bad-{tmp_path.name}"
    spec = spec.model_copy(update={"backtest_id": bad_id})

    async def run():
        async with working(temporal_address, desk, "failing", keeper=keeper) as client:
            good = await optarb.start_backtest(client, rig.make_spec(backtest_id=good_id), task_queue="failing")
            await keeper.reached()
            bad = await optarb.start_backtest(client, spec, task_queue="failing")
            with pytest.raises(error, match=message) as caught:
                await bad.result()
            assert type(caught.value) is error
            status = (await bad.workflow.describe()).status
            seen = await history(bad)
            keeper.open()
            return status, seen, await good.result()

    status, seen, good = asyncio.run(run())

    assert status is WorkflowExecutionStatus.FAILED
    assert (seen.failed_tasks, seen.retries) == (0, 0)
    assert good.digest == undisturbed.digest
    books = {one.book_id: one for one in desk.store.books()}
    assert books[good_id].status == "finished"
    assert (bad_id in books) == (book is not None)
    if book is not None:
        assert (books[bad_id].status, books[bad_id].lease_until) == (book, None)
        assert re.search(message, books[bad_id].error)


def test_result_when_data_are_bad_then_bad_data_and_book_failed(temporal_address, tmp_path):
    broken = rig.write_market(tmp_path / "market")
    bars, hole = pq.read_table(broken / "bars" / "SPY.parquet"), rig.session(10)
    pq.write_table(bars.filter([day != hole for day in bars["session"].to_pylist()]), broken / "bars" / "SPY.parquet")
    desk = rig.make_desk(broken, tmp_path)

    async def run():
        async with working(temporal_address, desk, "holes") as client:
            handle = await optarb.start_backtest(client, rig.make_spec(backtest_id="hole"), task_queue="holes")
            with pytest.raises(optarb.BadData, match=f"bars of 'SPY' miss 1 of the sessions to trade, the first {hole}"):
                await handle.result()
            return await history(handle)

    seen = asyncio.run(run())

    assert (seen.failed_tasks, seen.retries) == (0, 0)
    assert desk.store.book("hole").status == "failed"


def test_workflow_when_input_is_no_spec_then_run_fails_instead_of_its_task(temporal_address, make_desk):
    async def run():
        async with working(temporal_address, make_desk(), "no-spec") as client:
            with pytest.raises(WorkflowFailureError):
                await client.execute_workflow(
                    "optarb.PhasedBacktest", {"strategy": "swings"}, id="no-spec", task_queue="no-spec"
                )

    asyncio.run(asyncio.wait_for(run(), 20))


def test_start_when_running_then_already_running_whoever_asks(temporal_address, make_desk, keeper):
    desk = make_desk(policy_gate=keeper.gate(rig.session(100)))
    spec = rig.make_spec(backtest_id="once")

    async def run():
        async with working(temporal_address, desk, "twice", keeper=keeper) as client:
            handle = await optarb.start_backtest(client, spec, task_queue="twice")
            await keeper.reached()
            with pytest.raises(optarb.AlreadyRunning, match="'once' is running on this server"):
                await optarb.start_backtest(client, spec, task_queue="twice")
            with pytest.raises(optarb.AlreadyRunning, match="is being run by 'temporal:optarb-backtest/once:"):
                await asyncio.to_thread(optarb.backtest, spec, desk)
            keeper.open()
            await handle.result()

    asyncio.run(run())


def test_start_when_finished_then_same_summary_and_nothing_computed(temporal_address, make_desk):
    desk = make_desk()
    spec = rig.make_spec(backtest_id="done")

    async def run():
        async with working(temporal_address, desk, "again") as client:
            first = await optarb.start_backtest(client, spec, task_queue="again")
            summary = await first.result()
            second = await optarb.start_backtest(client, spec, task_queue="again")
            assert await second.result() == summary
            assert (await second.progress()).phase == "finished"
            seen = await history(second)
            other = await optarb.start_backtest(client, rig.make_spec(backtest_id="done", capital=1), task_queue="again")
            with pytest.raises(optarb.BookConflict, match="'done'"):
                await other.result()
            return seen

    assert asyncio.run(run()).activities == Counter({"optarb.backtest.claim": 1})


def test_backtests_when_two_run_at_once_then_each_equals_itself_alone(
    *, monkeypatch, temporal_address, make_desk, market, tmp_path, keeper, undisturbed
):
    other = rig.make_spec(
        overrides={"swing.closes": 9, "policy.max_open_positions": 3}, start=date(2018, 5, 1), history_start=date(2018, 1, 2)
    )
    # Nothing that the process remembers of other runs may stand behind this one.
    monkeypatch.setattr(market_loader, "_markets", OrderedDict())
    (tmp_path / "alone").mkdir()
    alone = optarb.backtest(other, rig.make_desk(market, tmp_path / "alone")).summary
    desk = make_desk(policy_gate=keeper.gate(rig.session(100)))

    async def run():
        async with working(temporal_address, desk, "both", keeper=keeper) as client:
            first = await optarb.start_backtest(client, rig.make_spec(), task_queue="both")
            await keeper.reached()
            second = await optarb.start_backtest(client, other, task_queue="both")
            # The second runs while the first is in the middle of its book, then the first goes on.
            between = await second.result()
            keeper.open()
            return await first.result(), between

    first, second = asyncio.run(run())

    assert alone.digest != undisturbed.digest
    assert first.digest == undisturbed.digest
    assert second.digest == alone.digest
