"""Workers that are away for a while: in real time, with a market's clock that is set on while nobody works."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client, ScheduleBackfill, ScheduleOverlapPolicy
from tests.temporal import trading_rig as rig
from tests.temporal.kill_days import DAYS, assert_ended_rightly
from tests.temporal.trading_rig import MONDAY, TUESDAY, KeptAccount, at, make_day_spec, state_of
from tests.temporal.workers import QUICK, working

import optarb
from optarb.temporal import trading_activities
from optarb.temporal.schedules import schedule_daily
from optarb.temporal.trading_messages import DayReport, Guarded
from optarb.temporal.trading_starting import follow_guardian, start_day
from optarb.trading.clocks import LiveClock
from optarb.trading.rules import LiveRules

ALLOW_ALL = ScheduleOverlapPolicy.ALLOW_ALL
SIGNALLED = "signal_external_workflow_execution_initiated_event_attributes"
RULES = LiveRules(cycle_seconds=0.3, fast_seconds=0.05, rung_seconds=0.2)


class SetOn:
    """The market's clock: real time, set on by the test while nobody looks."""

    ahead = timedelta()

    @classmethod
    def to(cls, instant):
        cls.ahead = instant - datetime.now(UTC)


class _Clock(LiveClock):
    def now(self):
        return super().now() + SetOn.ahead


@pytest.fixture(autouse=True)
def market_clock(monkeypatch):
    """Activities tell that time, and go on with fast cycles for half a second only."""
    monkeypatch.setattr(trading_activities, "_StartedClock", _Clock)
    monkeypatch.setattr(trading_activities, "_SLICE", timedelta(seconds=0.5))


@pytest.fixture
def queue(tmp_path):
    """A task queue and an account of the test's own."""
    return tmp_path.name.replace("_", "-")[-30:].strip("-")


@pytest.fixture
def spec(queue):
    """A day that is looked at several times a second."""
    return make_day_spec(account=queue, rules=RULES)


def journal(desk, spec, kind, session=MONDAY):
    return [entry for entry in desk.store.trading.journal(spec.book_id, session) if entry.kind == kind]


def local(instant):
    return f"{instant.astimezone(rig.NEW_YORK):%H:%M}"


async def entered(desk, spec):
    """Waits until the book holds a position and no order is live."""
    while not ((state := stored(desk, spec)) and state.holdings() and not state.is_moving):  # noqa: ASYNC110 - as below
        await asyncio.sleep(0.05)


def stored(desk, spec):
    """The book, or None if there is none yet."""
    try:
        return state_of(desk, spec)
    except (optarb.BookNotFound, ValueError):
        return None


def decided(desk, spec, session=MONDAY):
    """Whether the entries of a session are settled."""
    state = stored(desk, spec)
    return state is not None and state.day.session == int(f"{session:%Y%m%d}") and state.day.decided


# -- away while a position is open -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [("vertical is stopped out", "stop_loss"), ("pair is stopped out", "stop_loss"), ("vertical is flattened", "flatten")],
)
def test_guardian_when_no_worker_for_twenty_minutes_then_reconciles_and_acts_on_what_it_missed(
    *, temporal_address, tmp_path, queue, name, reason
):
    day = DAYS[name]
    spec = day.spec(queue).model_copy(update={"rules": RULES})

    async def run():
        client = await Client.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        SetOn.to(at("10:56"))
        async with working(temporal_address, desk, queue):
            started = await start_day(client, spec.model_copy(update={"late_minutes": 120}), task_queue=queue)
            await entered(desk, spec)
        before = len(desk.store.trading.journal(spec.book_id, MONDAY))
        SetOn.to(at("11:17"))
        async with working(temporal_address, desk, queue):
            while state_of(desk, spec).holdings():  # noqa: ASYNC110 - the store tells nobody
                await asyncio.sleep(0.05)
            SetOn.to(at("16:30"))
            return before, await started.result()

    with day.desk(tmp_path) as desk:
        before, report = asyncio.run(run())

        assert_ended_rightly(desk, spec, day, name)
        then = desk.store.trading.journal(spec.book_id, MONDAY)[before:]
        assert local(then[0].at) >= "11:17"
        assert [row[3] for row in desk.store.trading.rows(spec.book_id, "exits")] == [reason]
    assert (report.outcome, report.over, report.open_positions) == ("traded", True, 0)


# -- away in the morning, at the close, and for days -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("comes", "outcome", "held"),
    [("10:04", "traded", 1), ("10:06", "missed", 0), ("16:30", "missed", 0)],
    ids=["within thirty minutes", "later", "after the close"],
)
def test_day_when_no_worker_at_the_time_of_entries_then_late_ones_for_thirty_minutes_only_yet_guarded(
    *, temporal_address, tmp_path, queue, spec, comes, outcome, held
):
    day = DAYS["vertical trades"]

    async def run():
        client = await Client.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        started = await start_day(client, spec, task_queue=queue)
        SetOn.to(at(comes))
        async with working(temporal_address, desk, queue):
            while comes < "16" and not decided(desk, spec):  # noqa: ASYNC110 - the store tells nobody
                await asyncio.sleep(0.05)
            if held:
                await entered(desk, spec)
            SetOn.to(at("16:30"))
            return await started.result(), await follow_guardian(client, spec.book_id).status()

    with day.desk(tmp_path) as desk:
        report, status = asyncio.run(run())

        assert_ended_rightly(desk, spec, day, comes)
    assert (report.outcome, report.over, report.open_positions) == (outcome, True, held)
    assert status.cycles >= 1


def test_guardian_when_no_worker_from_before_the_close_to_the_next_session_then_both_days_end_rightly(
    temporal_address, tmp_path, queue, spec
):
    """The old guardian reconciles its own session first, then guards the one that a day has asked for meanwhile."""
    day = DAYS["vertical trades"]

    async def run():
        client = await Client.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        SetOn.to(at("09:36"))
        async with working(temporal_address, desk, queue):
            first = await start_day(client, spec, task_queue=queue)
            await entered(desk, spec)
            SetOn.to(at("15:50"))
        await first.workflow.terminate()  # as its execution time-out does
        second = await start_day(client, spec, task_queue=queue)
        SetOn.to(at("09:50", TUESDAY))
        async with working(temporal_address, desk, queue):
            guardian = follow_guardian(client, spec.book_id)
            while not decided(desk, spec, TUESDAY):  # noqa: ASYNC110 - the store tells nobody
                await asyncio.sleep(0.05)
            asked = [event async for event in second.workflow.fetch_history_events() if event.HasField(SIGNALLED)]
            SetOn.to(at("16:30", TUESDAY))
            report = await guardian.result()
            await second.workflow.terminate()  # it asks but once a minute
            return report, len(asked)

    with day.desk(tmp_path) as desk:
        report, asked = asyncio.run(run())

        assert_ended_rightly(desk, spec, day, "away")
        assert asked == 1
        assert [len(journal(desk, spec, "day_ended", session)) for session in (MONDAY, TUESDAY)] == [1, 1]
    assert (report.session, report.outcome, report.open_positions) == (TUESDAY, "no_trade", 1)


def test_schedule_when_no_worker_for_three_days_then_those_are_missed_and_today_is_traded(
    temporal_address, tmp_path, queue, spec
):
    """The starts of three sessions wait in the queue; the worker is back on the morning of the fourth."""
    day = DAYS["vertical trades"]

    async def run():
        client = await Client.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        schedule = await schedule_daily(client, spec, task_queue=queue)
        await schedule.schedule.pause()
        await schedule.schedule.backfill(
            ScheduleBackfill(start_at=at("09:00", MONDAY - timedelta(days=5)), end_at=at("10:00"), overlap=ALLOW_ALL)
        )
        while len(waiting := (await schedule.describe()).info.recent_actions) < 4:  # noqa: ASYNC110 - nor does the server
            await asyncio.sleep(0.05)
        SetOn.to(at("09:36"))
        handles = [client.get_workflow_handle(one.action.workflow_id, result_type=DayReport) for one in waiting]
        async with working(temporal_address, desk, queue):
            await entered(desk, spec)
            SetOn.to(at("16:30"))
            reports = [await handle.result() for handle in handles]
        await schedule.schedule.delete()
        return reports

    with day.desk(tmp_path) as desk:
        reports = asyncio.run(run())

        assert_ended_rightly(desk, spec, day, "away")
    assert sorted(report.outcome for report in reports) == ["missed", "missed", "missed", "traded"]
    assert {report.session for report in reports} == {MONDAY}
    assert len(desk.broker.accepted()) == 1


# -- a worker that is asked to end ---------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, kw_only=True)
class NeverFills(KeptAccount):
    """Takes orders and lets them rest."""

    def advance(self, view):
        with self._account() as (account, _):
            account._view, account._seen = view, (view.session.isoformat(), view.at.isoformat())


def test_worker_when_asked_to_end_within_a_slice_of_fast_cycles_then_ends_it_and_another_goes_on(
    *, monkeypatch, temporal_address, tmp_path, queue, spec
):
    monkeypatch.setattr(trading_activities, "_SLICE", timedelta(days=1))  # it would never end by itself
    day = DAYS["vertical trades"]

    async def run():
        client = await Client.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        SetOn.to(at("09:36"))
        async with working(temporal_address, desk, queue, **QUICK):
            started = await start_day(client, spec, task_queue=queue)
            while not desk.broker.accepted():  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(0.05)
        guardian = follow_guardian(client, spec.book_id)
        history = await guardian.workflow.fetch_history()
        monkeypatch.setattr(trading_activities, "_SLICE", timedelta(seconds=0.5))
        async with working(temporal_address, desk, queue):
            await guardian.halt("enough")
            SetOn.to(at("16:30"))
            return history, await started.result()

    with day.desk(tmp_path) as filling:
        desk = dataclasses.replace(filling, broker=NeverFills(path=filling.broker.path))
        history, report = asyncio.run(run())

        assert_ended_rightly(desk, spec, day, "ended")
    kinds = [event.WhichOneof("attributes").removesuffix("_event_attributes") for event in history.events]
    assert not {"activity_task_failed", "activity_task_timed_out"} & {*kinds}
    done = [event for event in history.events if event.HasField("activity_task_completed_event_attributes")]
    (payload,) = done[-1].activity_task_completed_event_attributes.result.payloads
    last = Guarded.model_validate_json(payload.data)
    assert (last.live_orders, last.over) == (1, False)
    assert len(desk.broker.accepted()) == 1
    assert report.outcome == "no_trade"
