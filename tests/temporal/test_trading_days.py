"""Replayed days on a server: the same as in process, guarded whatever becomes of the day, and steered by people."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import asynccontextmanager, suppress
from datetime import date, datetime, time, timedelta

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment
from tests.temporal import trading_rig as rig
from tests.temporal.acme.live import AcmeDay, AcmeGuardian
from tests.temporal.trading_rig import MONDAY, PAIR, TUESDAY, VERTICAL, at, make_day_spec, make_live_desk
from tests.temporal.workers import processes, working

import optarb
from optarb.protocols.trading import Controls, Lease
from optarb.temporal import server
from optarb.temporal.trading_activities import TradingActivities
from optarb.temporal.trading_controls import flatten_book, halt_book, resume_book
from optarb.temporal.trading_messages import BeginRequest, Begun, DayReport, DayRequest, GuardRequest
from optarb.temporal.trading_starting import follow_guardian, start_day, start_guardian
from optarb.trading.clocks import SimulatedClock
from optarb.trading.rules import LiveRules
from optarb.trading.running import run_day

BOTH = pytest.mark.parametrize("legs", [VERTICAL, PAIR], ids=["vertical", "pair"])


@pytest.fixture
def queue(tmp_path):
    """A task queue of the test's own. Books are named after accounts, and guardians after books, so it names both."""
    return tmp_path.name.replace("_", "-")[-30:].strip("-")


@pytest.fixture
def spec(queue):
    """A day in an account of the test's own, since the server is shared."""
    return make_day_spec(account=queue)


def in_process(folder, legs, spec):
    """The same day in this process; returns its result and rows."""
    folder.mkdir()
    with make_live_desk(folder, legs) as desk:
        result = run_day(
            spec, desk, broker=desk.broker, store=desk.store.trading, feed=desk.feed, clock=SimulatedClock(at("09:30"))
        )
        return result, rig.rows_of(desk, spec)


def start(client, spec, queue, clock="09:30", session=MONDAY, **options):
    return start_day(client, spec, task_queue=queue, replay_from=at(clock, session), **options)


async def start_another(client, spec, queue):
    """A second run in the same session, as a trigger by hand starts it beside the schedule's."""
    request = DayRequest(spec=spec, replay_from=at("09:30"))
    return await client.execute_workflow(
        "optarb.DailyTrading", request, id=f"another/{queue}", task_queue=queue, result_type=DayReport
    )


@asynccontextmanager
async def held(temporal_address, desk, queue, keeper, spec):
    """A worker, and a day that is held at the desk's gate."""
    async with working(temporal_address, desk, queue, keeper=keeper) as client:
        day = await start(client, spec, queue)
        await keeper.reached()
        yield client, day


# -- a day that nobody disturbs ----------------------------------------------------------------------------------------------


@BOTH
def test_day_when_replayed_on_a_server_then_rows_are_those_of_the_day_in_process(temporal_address, tmp_path, queue, spec, legs):
    expected, rows = in_process(tmp_path / "alone", legs, spec)
    desk = make_live_desk(tmp_path, legs)

    async def run():
        async with working(temporal_address, desk, queue) as client:
            day = await start(client, spec, queue)
            return await day.result(), await start_another(client, spec, queue)

    report, again = asyncio.run(run())

    assert (report.session, report.outcome, report.over) == (MONDAY, "traded", True)
    assert (report.outcome, report.open_positions) == (expected.outcome, expected.open_positions)
    assert again.outcome == "duplicate"
    assert rig.rows_of(desk, spec) == rows
    assert len(rows["fills"]) >= 2
    rig.assert_sound(desk, spec)


def test_day_when_position_is_carried_over_then_the_next_day_guards_it(temporal_address, tmp_path, queue, spec):
    desk = make_live_desk(tmp_path)

    async def run():
        async with working(temporal_address, desk, queue) as client:
            first = await (await start(client, spec, queue)).result()
            return first, await (await start(client, spec, queue, session=TUESDAY)).result()

    first, second = asyncio.run(run())

    assert (first.outcome, first.open_positions) == ("traded", 1)
    assert (second.session, second.outcome, second.open_positions) == (TUESDAY, "no_trade", 1)
    rig.assert_sound(desk, spec)


def test_day_when_no_session_then_nothing_runs(temporal_address, tmp_path, queue, spec):
    desk = make_live_desk(tmp_path)

    async def run():
        async with working(temporal_address, desk, queue) as client:
            return await (await start(client, spec, queue, session=date(2024, 6, 8))).result()

    assert asyncio.run(run()).outcome == "no_session"
    assert desk.store.trading.live_books() == []


def test_day_when_strategy_is_unknown_then_fails_with_the_error_of_its_class(temporal_address, tmp_path, queue):
    async def run():
        async with working(temporal_address, make_live_desk(tmp_path), queue) as client:
            await (await start(client, make_day_spec(account=queue, strategy="none"), queue)).result()

    with pytest.raises(optarb.UnknownName, match="none"):
        asyncio.run(run())


# -- whatever becomes of the day ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["terminate", "cancel"])
def test_guardian_when_day_ends_in_mid_legging_then_goes_on_until_flat_or_whole(
    *, temporal_address, tmp_path, queue, spec, keeper, end
):
    desk = rig.held_at_order(make_live_desk(tmp_path, PAIR), keeper.gate(MONDAY), 1)

    async def run():
        async with held(temporal_address, desk, queue, keeper, spec) as (client, day):
            await getattr(day.workflow, end)()
            with suppress(optarb.OptarbError):
                await day.result()
            guardian = follow_guardian(client, spec.book_id)
            before = await guardian.status()
            keeper.open()
            return before, await guardian.result(), await day.workflow.describe()

    before, report, day = asyncio.run(run())

    assert not before.over
    assert day.status.name == {"terminate": "TERMINATED", "cancel": "CANCELED"}[end]
    assert len(desk.broker.accepted()) >= 2
    assert (report.over, report.open_positions) == (True, 0)
    rig.assert_sound(desk, spec)


def test_day_when_its_guardian_is_terminated_then_another_goes_on_and_the_zombie_writes_nothing(
    temporal_address, tmp_path, queue, spec, keeper
):
    desk = rig.held_at_order(make_live_desk(tmp_path, PAIR), keeper.gate(MONDAY), 1, "after")

    async def run():
        async with held(temporal_address, desk, queue, keeper, spec) as (client, day):
            guardian = follow_guardian(client, spec.book_id)
            first = (await guardian.workflow.describe()).run_id
            await guardian.workflow.terminate()
            report = await asyncio.wait_for(
                day.result(), 60
            )  # while the terminated guardian's activity is held right after its order landed
            keeper.open()
            return report, first, (await guardian.workflow.describe()).run_id

    report, first, second = asyncio.run(run())

    assert first != second
    assert report.over
    kinds = [entry.kind for entry in desk.store.trading.journal(spec.book_id, MONDAY)]
    assert kinds.count("day_opened") == 1
    assert kinds.count("day_taken_over") == 1
    rig.assert_sound(desk, spec)


def test_second_run_when_the_first_is_at_work_then_trades_nothing(temporal_address, tmp_path, queue, spec, keeper):
    desk = rig.held_at_order(make_live_desk(tmp_path), keeper.gate(MONDAY), 0)

    async def run():
        async with held(temporal_address, desk, queue, keeper, spec) as (client, day):
            with pytest.raises(optarb.AlreadyRunning, match="is running on this server"):
                await start(client, spec, queue)
            second = await asyncio.wait_for(start_another(client, spec, queue), 30)
            keeper.open()
            return second, await day.result()

    second, first = asyncio.run(run())

    assert (second.outcome, first.outcome) == ("duplicate", "traded")
    assert len(desk.broker.accepted()) == 1
    rig.assert_sound(desk, spec)


def test_day_when_book_has_a_guardian_then_it_is_taken_over(temporal_address, tmp_path, queue, spec, keeper):
    desk = rig.held_from(make_live_desk(tmp_path), keeper.gate(MONDAY), at("09:20"))

    async def run():
        async with working(temporal_address, desk, queue, keeper=keeper) as client:
            guardian = await start_guardian(client, spec, MONDAY, task_queue=queue, replay_from=at("09:20"))
            await keeper.reached()
            day = await start(client, spec, queue)
            asked = day.workflow.fetch_history_events(wait_new_event=True)
            async for event in asked:
                if event.HasField("external_workflow_execution_signaled_event_attributes"):
                    break
            keeper.open()
            return await day.result(), await guardian.result()

    report, guarded = asyncio.run(run())

    assert report == guarded
    assert (report.outcome, report.open_positions) == ("traded", 1)
    rig.assert_sound(desk, spec)


@pytest.mark.soak  # with the time-outs as they are; test_trading_kills has the same with short ones
@pytest.mark.parametrize(
    ("order", "moment"),
    [
        pytest.param(0, "before", id="unsent"),
        pytest.param(0, "after", id="sent"),
        pytest.param(1, "after", id="second leg sent"),
        pytest.param(None, "", id="held"),
    ],
)
def test_day_when_worker_is_killed_then_another_goes_on_without_a_second_order(
    *, temporal_address, tmp_path, queue, spec, keeper, order, moment
):
    desk = make_live_desk(tmp_path, PAIR if order == 1 else VERTICAL)
    gate = keeper.gate(MONDAY)
    desk = rig.held_from(desk, gate, at("11:00")) if order is None else rig.held_at_order(desk, gate, order, moment)

    async def run():
        async with processes(temporal_address, desk, queue, tmp_path, count=2) as workers:
            client = await Client.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
            day = await start(client, spec, queue)
            pid = await keeper.reached()
            next(one for one in workers if one.pid == pid).kill()
            return await day.result()

    report = asyncio.run(run())

    assert (report.outcome, report.over) == ("traded", True)
    assert report.open_positions == (0 if order == 1 else 1)
    rig.assert_sound(desk, spec)


# -- people ------------------------------------------------------------------------------------------------------------------


def test_halt_when_asked_before_entries_then_none_and_resume_revives_nothing(temporal_address, tmp_path, queue, spec, keeper):
    desk = rig.held_from(make_live_desk(tmp_path), keeper.gate(MONDAY), at("09:30"))

    async def run():
        async with held(temporal_address, desk, queue, keeper, spec) as (client, day):
            guardian = follow_guardian(client, spec.book_id)
            await guardian.halt("news")
            asked = desk.store.trading.controls(spec.book_id)
            keeper.open()
            return asked, await day.result()

    asked, report = asyncio.run(run())

    assert asked == Controls(halted=True, reason="news", changed_at=at("09:30"))
    assert (report.outcome, desk.broker.accepted()) == ("halted", [])


def test_flatten_when_asked_with_a_position_open_then_flat_and_closed_once(temporal_address, tmp_path, queue, spec, keeper):
    desk = rig.held_from(make_live_desk(tmp_path), keeper.gate(MONDAY), at("11:00"))

    async def run():
        async with held(temporal_address, desk, queue, keeper, spec) as (client, day):
            guardian = follow_guardian(client, spec.book_id)
            status = await guardian.status()
            await guardian.flatten("out")
            keeper.open()
            return status, await day.result()

    status, report = asyncio.run(run())

    assert (status.open_positions, status.decided, status.session) == (1, True, MONDAY)
    assert (report.outcome, report.open_positions) == ("traded", 0)
    assert [row[3] for row in desk.store.trading.rows(spec.book_id, "exits")] == ["flatten"]
    rig.assert_sound(desk, spec)


@pytest.mark.parametrize("action", ["halt", "flatten"])
def test_update_when_it_has_no_reason_then_refused_and_nothing_is_set(
    *, temporal_address, tmp_path, queue, spec, keeper, action
):
    desk = rig.held_from(make_live_desk(tmp_path), keeper.gate(MONDAY), at("09:30"))

    async def run():
        async with held(temporal_address, desk, queue, keeper, spec) as (client, day):
            guardian = follow_guardian(client, spec.book_id)
            with pytest.raises(WorkflowUpdateFailedError) as caught:
                await getattr(guardian, action)("  ")
            await guardian.halt("news")
            await guardian.resume()
            keeper.open()
            return caught.value.cause, await day.result()

    cause, report = asyncio.run(run())

    assert isinstance(cause, ApplicationError)
    assert "need a reason" in cause.message
    assert report.outcome == "traded"
    assert not desk.store.trading.controls(spec.book_id).halted


def test_day_when_the_session_was_guarded_to_its_end_before_then_missed(temporal_address, tmp_path, queue, spec):
    desk = make_live_desk(tmp_path)

    async def run():
        async with working(temporal_address, desk, queue) as client:
            guardian = await start_guardian(client, spec, MONDAY, task_queue=queue, replay_from=at("15:50"))
            await guardian.result()
            return await (await start(client, spec, queue, "16:10")).result()

    report = asyncio.run(run())

    assert (report.outcome, report.over, desk.broker.accepted()) == ("missed", True, [])


def test_flags_when_nothing_runs_then_the_next_guardian_obeys(temporal_address, tmp_path, queue, spec):
    desk = make_live_desk(tmp_path)
    store = desk.store.trading

    async def run():
        async with working(temporal_address, desk, queue) as client:
            await (await start(client, spec, queue)).result()
            flatten_book(store, spec.book_id, "out", now=at("18:00"))
            guardian = await start_guardian(client, spec, TUESDAY, task_queue=queue, replay_from=at("09:30", TUESDAY))
            return await guardian.result()

    report = asyncio.run(run())

    assert (report.session, report.open_positions) == (TUESDAY, 0)
    rig.assert_sound(desk, spec)
    assert halt_book(store, spec.book_id, "stay", now=at("18:00")) == Controls(
        halted=True, flatten=True, reason="stay", changed_at=at("18:00")
    )
    assert resume_book(store, spec.book_id, now=at("18:00")) == Controls(changed_at=at("18:00"))
    with pytest.raises(optarb.ConfigurationError, match="need a reason"):
        flatten_book(store, spec.book_id, " ")


@pytest.mark.parametrize("approved", [True, False])
def test_hooks_when_a_person_answers_and_hooks_fail_then_entries_follow_the_answer(
    temporal_address, tmp_path, queue, spec, approved
):
    desk = make_live_desk(tmp_path)

    async def run():
        async with working(temporal_address, desk, queue, workflows=[AcmeDay, AcmeGuardian]) as client:
            day = await start(client, spec, queue, workflow=AcmeDay)
            await day.workflow.signal("answer", approved)
            report = await day.result()
            return report, await follow_guardian(client, spec.book_id).workflow.query("told")

    report, told = asyncio.run(run())

    assert report.over
    assert told == (["1 open", "traded"] if approved else ["missed"])
    assert len(desk.broker.accepted()) == (1 if approved else 0)


# -- long days, and real time -------------------------------------------------------------------------------------------------


def test_day_when_real_time_is_past_the_close_then_missed_and_over(temporal_address, tmp_path, queue, spec):
    """In real time nothing is waited for once the session's last reconciliation is due; whatever today is, it ends soon."""
    desk = make_live_desk(tmp_path)

    async def run():
        async with working(temporal_address, desk, queue) as client:
            guardian = await start_guardian(client, spec, MONDAY, task_queue=queue)
            return await asyncio.wait_for(guardian.result(), timedelta(seconds=30).total_seconds())

    report = asyncio.run(run())

    assert (report.session, report.outcome, report.over, report.open_positions) == (MONDAY, "missed", True, 0)


def test_guardian_when_server_suggests_it_then_continues_as_new_and_rows_stay_the_same(
    *, monkeypatch, temporal_cli, tmp_path, queue, spec
):
    few = "limit.historyCount.suggestContinueAsNew=150"
    monkeypatch.setattr(server, "_FAST_SETTINGS", (*server._FAST_SETTINGS, few))
    expected, rows = in_process(tmp_path / "alone", PAIR, spec)
    desk = make_live_desk(tmp_path, PAIR)

    async def run():
        async with (
            optarb.EmbeddedServer(cli=temporal_cli) as embedded,
            working(embedded.address, desk, queue, workflows=[AcmeDay, AcmeGuardian]) as client,
        ):
            day = await start(client, spec, queue)
            report = await day.result()
            runs = [one.run_id async for one in client.list_workflows(f"WorkflowId = 'optarb-guardian/{spec.book_id}'")]
            return report, len(runs), await follow_guardian(client, spec.book_id).status()

    report, runs, status = asyncio.run(run())

    assert runs > 2
    assert (report.outcome, status.cycles) == (expected.outcome, expected.cycles)
    assert rig.rows_of(desk, spec) == rows


def test_guardian_when_cancelled_then_gives_the_book_back_and_another_can_start(
    temporal_address, tmp_path, queue, spec, keeper
):
    desk = rig.held_from(make_live_desk(tmp_path), keeper.gate(MONDAY), at("11:00"))

    async def run():
        async with held(temporal_address, desk, queue, keeper, spec) as (client, day):
            guardian = follow_guardian(client, spec.book_id)
            await guardian.workflow.cancel()
            keeper.open()
            with pytest.raises(optarb.Cancelled):
                await guardian.result()
            lease = desk.store.trading.load(spec.book_id).lease
            with pytest.raises(optarb.Cancelled, match="guardian ended before the session did"):
                await day.result()
            again = await start_guardian(client, spec, MONDAY, task_queue=queue, replay_from=at("11:00"))
            return lease, await again.result()

    lease, report = asyncio.run(run())

    assert lease is None
    assert (report.outcome, report.over, report.open_positions) == ("traded", True, 1)
    rig.assert_sound(desk, spec)


def test_day_when_another_owner_moves_the_book_then_duplicate(temporal_address, tmp_path, queue, spec):
    desk = make_live_desk(tmp_path)
    lease = Lease(owner="a notebook", session=MONDAY, until=at("10:30"))
    assert desk.store.trading.acquire(spec.book_id, lease, now=at("09:30"))

    async def run():
        async with working(temporal_address, desk, queue) as client:
            return await (await start(client, spec, queue)).result()

    assert asyncio.run(run()).outcome == "duplicate"
    assert desk.broker.accepted() == []
    assert desk.store.trading.load(spec.book_id).lease == lease


def test_day_when_real_time_then_entered_at_rest_for_minutes_and_woken_to_flatten(temporal_address, tmp_path, queue):
    today = datetime.now(rig.NEW_YORK).date()
    desk = rig.make_real_time_desk(tmp_path, today)
    spec = make_day_spec(
        account=queue, entry_at=time(0), late_minutes=1440, rules=LiveRules(fast_seconds=0.05, rung_seconds=0.2)
    )

    async def run():
        async with working(temporal_address, desk, queue) as client:
            day = await start_day(client, spec, task_queue=queue)
            guardian = follow_guardian(client, spec.book_id)

            async def resting():
                with suppress(RPCError):
                    status = await guardian.status()
                    return status.decided and not status.live_orders and status.cycles > 1 and status
                return False

            while not (status := await resting()):  # noqa: ASYNC110 - the workflow tells nobody
                await asyncio.sleep(0.05)
            await guardian.flatten("out")
            while rig.state_of(desk, spec).holdings():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            await day.cancel()
            await guardian.workflow.cancel()
            with pytest.raises(optarb.Cancelled):
                await guardian.result()
            return status

    status = asyncio.run(run())

    assert (status.session, status.open_positions) == (today, 1)
    assert timedelta(minutes=4) < status.next_at - status.now <= timedelta(minutes=5)
    assert [row[3] for row in desk.store.trading.rows(spec.book_id, "exits")] == ["flatten"]
    rig.assert_sound(desk, spec)


@dataclasses.dataclass(frozen=True)
class BrokenQuotes:
    """A feed whose data cannot be read."""

    def chain(self, symbol, at):
        raise optarb.BadData("half a line")

    def quotes(self, contracts, at):
        raise optarb.BadData("half a line")

    def underlying_price(self, symbol, at):
        raise optarb.BadData("half a line")


def test_guardian_when_data_cannot_be_read_then_step_is_tried_again_but_not_with_a_wrong_spec(tmp_path):
    desk = dataclasses.replace(make_live_desk(tmp_path), feed=BrokenQuotes())
    step = GuardRequest(spec=make_day_spec(), session=MONDAY, owner="one", at=at("09:35"))
    wrong = step.model_copy(update={"spec": make_day_spec(strategy="none")})

    for request, kind, hopeless in ((step, "BadData", False), (wrong, "UnknownName", True)):
        for name in ("open", "guard", "enter"):
            with pytest.raises(ApplicationError) as caught:
                ActivityEnvironment().run(getattr(TradingActivities(desk), name), request)
            assert (caught.value.type, caught.value.non_retryable) == (kind, hopeless)


def test_day_when_worked_on_after_its_date_then_missed_and_nothing_claimed(tmp_path):
    desk = make_live_desk(tmp_path)
    late = BeginRequest(spec=make_day_spec(), owner="late", at=at("09:20", TUESDAY), scheduled_for=at("09:35"))
    on_time = late.model_copy(update={"owner": "on time", "scheduled_for": at("09:35", TUESDAY)})
    begin = TradingActivities(desk).begin

    assert ActivityEnvironment().run(begin, late) == Begun(session=TUESDAY, outcome="missed")
    assert ActivityEnvironment().run(begin, on_time) == Begun(session=TUESDAY)


# -- the plugin --------------------------------------------------------------------------------------------------------------


def trades(desk):
    activities = optarb.OptarbPlugin(desk).configure_worker({})["activities"]
    return any(activity.__temporal_activity_definition.name.startswith("optarb.trading.") for activity in activities)


def test_plugin_when_desk_lacks_broker_or_feed_then_its_workers_take_no_live_days(tmp_path):
    desk = make_live_desk(tmp_path)

    assert trades(desk)
    for name in ("broker", "feed"):
        poorer = dataclasses.replace(desk, **{name: None})
        assert not trades(poorer)
        with pytest.raises(optarb.ConfigurationError, match=f"this desk has no {name}"):
            TradingActivities(poorer)
        with pytest.raises(optarb.ConfigurationError, match=name):
            dataclasses.replace(desk, **{name: optarb.Simulator()})
