from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, Interceptor
from tests.temporal import rig
from tests.temporal.workers import working

import optarb
from optarb.backtesting.claim import claim_book
from optarb.backtesting.digest import ledger_digest
from optarb.temporal.messages import ReleaseRequest

AT = rig.session(100)  # in the fourth block of thirty sessions
HELD_BACK = {"max_heartbeat_throttle_interval": timedelta(seconds=59)}


@pytest.mark.parametrize(("phase", "gate"), [("ingest", "data_gate"), ("signals", "expert_gate"), ("trade", "policy_gate")])
def test_cancel_when_phase_is_at_work_then_book_is_kept_and_can_be_resumed(
    *, temporal_address, market, tmp_path, keeper, undisturbed, phase, gate
):
    desk = rig.make_desk(market, tmp_path, **{gate: keeper.gate(AT, until_cancelled=True)})
    spec = rig.make_spec(backtest_id="stopped", parallelism=1)

    async def run():
        async with working(temporal_address, desk, f"cancel-{phase}", keeper=keeper) as client:
            handle = await optarb.start_backtest(client, spec, task_queue=f"cancel-{phase}")
            await keeper.reached()
            await handle.cancel()
            with pytest.raises(optarb.Cancelled, match="'stopped' was cancelled; start it again"):
                await handle.result()
            book = desk.store.book("stopped")
            assert (book.status, book.lease_until, book.error) == ("cancelled", None, None)
            assert len(desk.store.done("stopped", phase)) < undisturbed.blocks_computed[phase]
            again = await optarb.start_backtest(client, spec, task_queue=f"cancel-{phase}")
            return await again.result()

    summary = asyncio.run(run())

    assert summary.digest == undisturbed.digest
    assert summary.blocks_computed == undisturbed.blocks_computed


def test_cancel_when_activity_ends_before_it_learns_then_run_stops_all_the_same(
    temporal_address, make_desk, keeper, undisturbed
):
    desk = make_desk(policy_gate=keeper.gate(AT))
    spec = rig.make_spec(backtest_id="stopped", time_slice_seconds=0)

    async def run():
        # With its heartbeats held back the activity cannot learn of it.
        async with working(
            temporal_address, desk, "late", keeper=keeper, max_heartbeat_throttle_interval=timedelta(seconds=60)
        ) as client:
            handle = await optarb.start_backtest(client, spec, task_queue="late")
            await keeper.reached()
            await handle.cancel()
            async for event in handle.workflow.fetch_history_events(wait_new_event=True):
                if event.HasField("activity_task_cancel_requested_event_attributes"):
                    break
            keeper.open()
            with pytest.raises(optarb.Cancelled):
                await handle.result()

    asyncio.run(run())

    assert desk.store.book("stopped").status == "cancelled"
    assert len(desk.store.done("stopped", "trade")) == 4


def test_request_cancel_when_asked_of_the_store_then_run_stops_too(temporal_address, make_desk, keeper, undisturbed):
    desk = make_desk(policy_gate=keeper.gate(AT))
    # So short a lease is renewed, and the request noticed, at the first session of the next activity at the latest.
    spec = rig.make_spec(backtest_id="stopped", time_slice_seconds=0, lease_seconds=0.001)

    async def run():
        async with working(temporal_address, desk, "asked", keeper=keeper) as client:
            handle = await optarb.start_backtest(client, spec, task_queue="asked")
            await keeper.reached()
            desk.store.request_cancel("stopped")
            keeper.open()
            with pytest.raises(optarb.Cancelled, match="was asked to stop"):
                await handle.result()
            assert desk.store.book("stopped").status == "cancelled"
            assert len(desk.store.done("stopped", "trade")) in {3, 4}
            again = await optarb.start_backtest(client, spec, task_queue="asked")
            return await again.result()

    assert asyncio.run(run()).digest == undisturbed.digest


def test_trade_when_its_run_was_superseded_then_it_writes_nothing(temporal_address, make_desk, keeper, undisturbed):
    desk = make_desk(policy_gate=keeper.gate(AT))
    spec = rig.make_spec(backtest_id="taken")
    errors = ActivityErrors()

    async def run():
        # Nor does it learn of its end before it writes: heartbeats are held back.
        async with working(
            temporal_address,
            desk,
            "zombie",
            keeper=keeper,
            interceptors=[errors],
            **HELD_BACK,
        ) as client:
            handle = await optarb.start_backtest(client, spec, task_queue="zombie")
            await keeper.reached()
            # Unlike a cancelled run, a terminated one leaves its activity at work.
            await handle.workflow.terminate()
            again = await optarb.start_backtest(client, spec, task_queue="zombie")
            summary = await again.result()
            keeper.open()
            return summary, await asyncio.wait_for(errors.raised.get(), 20)

    summary, error = asyncio.run(run())

    assert (error.type, error.non_retryable) == ("Superseded", True)
    assert summary.digest == undisturbed.digest
    assert ledger_digest(desk.store, "taken") == undisturbed.digest
    assert desk.store.book("taken").epoch == 2


def test_release_when_book_was_claimed_anew_then_it_is_left_alone(make_desk):
    desk = make_desk()
    spec = rig.make_spec(backtest_id="taken")
    claim_book(desk, spec, "taken", "temporal:run:1")
    claim_book(desk, spec, "taken", "temporal:run:2")
    late = ReleaseRequest(backtest_id="taken", owner="temporal:run:1", epoch=1, status="cancelled")

    ActivityEnvironment().run(optarb.BacktestActivities(desk).release, late)

    assert desk.store.book("taken").status == "running"


class ActivityErrors(Interceptor):
    """Collects what activities of a worker raise."""

    def __init__(self) -> None:
        self.raised = asyncio.Queue()

    def intercept_activity(self, next):  # noqa: A002 - the SDK's name
        return _Collecting(next, self.raised)


class _Collecting(ActivityInboundInterceptor):
    def __init__(self, following, raised):
        super().__init__(following)
        self.raised = raised

    async def execute_activity(self, input):  # noqa: A002 - the SDK's name
        try:
            return await super().execute_activity(input)
        except Exception as error:
            await self.raised.put(error)
            raise
