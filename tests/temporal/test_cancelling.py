from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, Interceptor
from tests.temporal import rig
from tests.temporal.books import contents, difference
from tests.temporal.workers import working

import optarb
from optarb.backtesting.claim import claim_book
from optarb.temporal.messages import ReleaseRequest

AT = rig.session(100)  # in the fourth block of thirty sessions
SHORT = {"end": rig.session(59), "max_in_flight": 1}


def make_spec(book, **fields):
    return rig.make_spec(backtest_id=book, **({"strategy": "learning"} | SHORT | fields))


@pytest.fixture(scope="module")
def learned(market, tmp_path_factory):
    """Summary of the run that nobody disturbs."""
    with rig.make_desk(market, tmp_path_factory.mktemp("learned")) as desk:
        return optarb.backtest(make_spec("alone"), desk).summary


@pytest.mark.parametrize("phase", ["claim", "ingest", "features", "training", "signals", "trade"])
def test_cancel_when_phase_is_at_work_then_book_is_kept_and_can_be_resumed(temporal_address, market, tmp_path, learned, phase):
    desk = rig.make_desk(market, tmp_path)
    spec = make_spec("stopped")
    holding = Holding(phase)

    async def run():
        queue = f"cancel-{phase}"
        async with working(temporal_address, desk, queue, interceptors=[holding]) as client:
            handle = await optarb.start_backtest(client, spec, task_queue=queue)
            await asyncio.wait_for(holding.reached.wait(), 90)
            await handle.cancel()
            with pytest.raises(optarb.Cancelled, match="'stopped' was cancelled; start it again"):
                await handle.result()
            book = desk.store.book("stopped")
            assert (book.status, book.lease_until, book.error) == ("cancelled", None, None)
            done = {one: len(desk.store.done("stopped", one)) for one in learned.blocks_computed}
            again = await optarb.start_backtest(client, spec, task_queue=queue)
            return done, await again.result()

    done, summary = asyncio.run(run())

    # What came before is there, what would have come after is not.
    order = ["claim", *learned.blocks_computed]
    expected = {one: learned.blocks_computed[one] if order.index(one) < order.index(phase) else 0 for one in order[1:]}
    assert done == expected
    assert (summary.digest, summary.blocks_computed) == (learned.digest, learned.blocks_computed)


def test_cancel_when_the_book_is_being_closed_then_it_is_finished(temporal_address, market, tmp_path, learned):
    desk = rig.make_desk(market, tmp_path)
    holding = Holding("close")

    async def run():
        async with working(temporal_address, desk, "closing", interceptors=[holding]) as client:
            handle = await optarb.start_backtest(client, make_spec("closed"), task_queue="closing")
            await asyncio.wait_for(holding.reached.wait(), 90)
            await handle.cancel()
            return await handle.result()

    assert asyncio.run(run()).digest == learned.digest
    assert desk.store.book("closed").status == "finished"


def test_cancel_when_a_failed_run_is_being_released_then_it_is_released_all_the_same(temporal_address, make_desk):
    desk = make_desk()
    holding = Holding("release")

    async def run():
        async with working(temporal_address, desk, "release", interceptors=[holding]) as client:
            spec = make_spec("released", strategy="raising", end=rig.session(79))
            handle = await optarb.start_backtest(client, spec, task_queue="release")
            await asyncio.wait_for(holding.reached.wait(), 90)
            await handle.cancel()
            async for event in handle.workflow.fetch_history_events(wait_new_event=True):
                if event.HasField("workflow_execution_cancel_requested_event_attributes"):
                    break
            await handle.progress()  # its answer shows that the workflow has seen the cancel
            holding.go.set()
            with pytest.raises(optarb.ComponentError):
                await handle.result()

    asyncio.run(run())

    book = desk.store.book("released")
    assert (book.status, book.lease_until) == ("failed", None)


def test_terminate_when_at_work_then_the_lease_ends_it_and_another_owner_resumes(temporal_address, make_desk, learned):
    desk = make_desk()
    spec = make_spec("ended", lease_seconds=2)
    holding = Holding("trade")

    async def run():
        async with working(temporal_address, desk, "ended", interceptors=[holding]) as client:
            handle = await optarb.start_backtest(client, make_spec("ended"), task_queue="ended")
            await asyncio.wait_for(holding.reached.wait(), 90)
            await handle.workflow.terminate()
            holding.go.set()

    asyncio.run(run())

    assert desk.store.book("ended").status == "running"
    with pytest.raises(optarb.AlreadyRunning, match="lease until"):
        optarb.backtest(spec, desk)
    desk.store.renew("ended", 1, 0.0)  # as if its time had passed
    assert optarb.backtest(spec, desk).summary.digest == learned.digest


def test_replace_when_a_book_was_stopped_then_only_its_own_rows_are_cleared(temporal_address, market, tmp_path, learned):
    desk = rig.make_desk(market, tmp_path)
    holding = Holding("trade")

    async def run():
        async with working(temporal_address, desk, "replace", interceptors=[holding]) as client:
            handle = await optarb.start_backtest(client, make_spec("old"), task_queue="replace")
            await asyncio.wait_for(holding.reached.wait(), 90)
            await handle.cancel()
            with pytest.raises(optarb.Cancelled):
                await handle.result()
            await (await optarb.start_backtest(client, make_spec("other"), task_queue="replace")).result()
            before = contents(tmp_path / "books.db", "other")
            spec = make_spec("old", on_existing="replace")
            return before, await (await optarb.start_backtest(client, spec, task_queue="replace")).result()

    before, summary = asyncio.run(run())

    assert contents(tmp_path / "books.db", "other") == before
    assert difference(contents(tmp_path / "books.db", "old"), before) == ""
    assert summary.digest == learned.digest
    assert desk.store.book("old").epoch == 2


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


def test_release_when_book_was_claimed_anew_then_it_is_left_alone(make_desk):
    desk = make_desk()
    spec = rig.make_spec(backtest_id="taken")
    claim_book(desk, spec, "taken", "temporal:run:1")
    claim_book(desk, spec, "taken", "temporal:run:2")
    late = ReleaseRequest(backtest_id="taken", owner="temporal:run:1", epoch=1, status="cancelled")

    ActivityEnvironment().run(optarb.BacktestActivities(desk).release, late)

    assert desk.store.book("taken").status == "running"


class Holding(Interceptor):
    """Holds the first activity of a phase until it learns that it was cancelled, or the test lets it go."""

    def __init__(self, phase: str) -> None:
        self.phase, self.reached, self.go = phase, asyncio.Event(), asyncio.Event()

    def intercept_activity(self, next):  # noqa: A002 - the SDK's name
        return _Held(next, self)


class _Held(ActivityInboundInterceptor):
    def __init__(self, following, holding):
        super().__init__(following)
        self.holding = holding

    async def execute_activity(self, input):  # noqa: A002 - the SDK's name
        phase = activity.info().activity_type.rpartition(".")[2]
        if phase == self.holding.phase and not self.holding.reached.is_set():
            self.holding.reached.set()
            while not (activity.is_cancelled() or self.holding.go.is_set()):
                activity.heartbeat()
                await asyncio.sleep(0.05)
        return await super().execute_activity(input)
