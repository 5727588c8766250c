"""The schedule of a book's days, on a server."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import shlex
import subprocess
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from temporalio.client import Client, ScheduleOverlapPolicy, ScheduleUpdate
from temporalio.service import RPCError
from tests.temporal import trading_rig as rig
from tests.temporal.trading_rig import at, make_day_spec, make_live_desk

import optarb
from optarb.temporal.schedules import follow_schedule, schedule_daily, weekdays_at
from optarb.temporal.trading_messages import DayRequest
from optarb.trading.clocks import SimulatedClock
from optarb.trading.day_spec import DaySpec
from optarb.trading.running import run_day


def run(address, call):
    """Calls with a client."""

    async def called():
        return await call(await Client.connect(address, plugins=[optarb.OptarbPlugin()]))

    return asyncio.run(called())


def test_schedule_when_created_and_created_again_then_one_with_the_newer_spec_and_still_paused(temporal_address, tmp_path):
    store, spec = make_live_desk(tmp_path).store.trading, make_day_spec(account="twice")
    later = make_day_spec(account="twice", capital=Decimal(50_000), entry_at=time(10, 5))

    async def call(client):
        first = await schedule_daily(client, spec, task_queue="days")
        created = await first.describe()
        await first.pause(store, note="holidays")
        await schedule_daily(client, later, task_queue="days")
        again = await follow_schedule(client, "twice.live").describe()
        await first.unpause()
        running = await first.describe()
        await first.delete(store)
        with pytest.raises(RPCError, match="not found"):
            await first.describe()
        (given,) = await client.data_converter.decode(again.schedule.action.args, [DayRequest])
        return created, again, running, given

    created, again, running, given = run(temporal_address, call)

    assert created.id == "optarb-daily/twice.live"
    policy, action = created.schedule.policy, created.schedule.action
    assert (policy.overlap, policy.catchup_window) == (ScheduleOverlapPolicy.ALLOW_ALL, timedelta(minutes=30))
    assert (action.workflow, action.execution_timeout) == ("optarb.DailyTrading", timedelta(hours=20))
    assert (created.schedule.state.paused, again.schedule.state.paused, running.schedule.state.paused) == (False, True, False)
    assert again.schedule.state.note == "holidays"
    assert given == DayRequest(spec=later)
    assert {(one.hour[0].start, one.minute[0].start) for one in again.schedule.spec.calendars} == {(10, 5)}


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        # Clocks go forward on Sunday 2027-03-14 and back on Sunday 2027-11-07: 09:35 is 14:35 UTC in winter, 13:35 in summer.
        (datetime(2027, 3, 11, tzinfo=UTC), ["03-11 14:35", "03-12 14:35", "03-15 13:35", "03-16 13:35"]),
        (datetime(2027, 11, 4, tzinfo=UTC), ["11-04 13:35", "11-05 13:35", "11-08 14:35", "11-09 14:35"]),
    ],
    ids=["forward", "back"],
)
def test_schedule_when_clocks_change_then_next_times_stay_at_nine_thirty_five_in_new_york(temporal_address, start, expected):
    spec = make_day_spec(account=f"clocks-{start:%m}")

    async def call(client):
        schedule = await schedule_daily(client, spec, task_queue="days")

        def from_start_on(before):
            before.description.schedule.spec = dataclasses.replace(weekdays_at(spec), start_at=start)
            return ScheduleUpdate(schedule=before.description.schedule)

        await schedule.schedule.update(from_start_on)
        described = await schedule.describe()
        await schedule.schedule.delete()
        return described

    described = run(temporal_address, call)

    assert [f"{when:%m-%d %H:%M}" for when in described.info.next_action_times[:4]] == expected


def test_schedule_when_triggered_then_a_day_of_the_spec_is_started(temporal_address):
    spec = make_day_spec(account="triggered")

    async def call(client):
        schedule = await schedule_daily(client, spec, task_queue="nobody-listens")
        await schedule.trigger()
        while not (started := (await schedule.describe()).info.recent_actions):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.05)
        handle = client.get_workflow_handle(started[0].action.workflow_id)
        day = await handle.describe()
        first = (await handle.fetch_history()).events[0].workflow_execution_started_event_attributes
        (given,) = await client.data_converter.decode(first.input.payloads, [DayRequest])
        await handle.terminate()
        await schedule.schedule.delete()
        return day, given

    day, given = run(temporal_address, call)

    assert day.id.startswith("optarb-day/triggered.live-")
    assert (day.workflow_type, day.task_queue) == ("optarb.DailyTrading", "nobody-listens")
    assert given == DayRequest(spec=spec)


def test_schedule_when_book_holds_positions_then_pause_and_delete_are_refused_unless_told(temporal_address, tmp_path):
    desk, spec = make_live_desk(tmp_path), make_day_spec(account="holding")
    store = desk.store.trading
    clock = SimulatedClock(at("09:30"))
    run_day(spec, desk, broker=desk.broker, store=store, feed=desk.feed, clock=clock)
    assert rig.state_of(desk, spec).holdings()

    async def call(client):
        schedule = await schedule_daily(client, spec, task_queue="days")
        for refused in (schedule.pause(store, note="no"), schedule.delete(store)):
            with pytest.raises(optarb.BookError, match=r"holds \+1 SPY240621C00500000.*unguarded=True"):
                await refused
        before = (await schedule.describe()).schedule.state.paused
        await schedule.pause(store, note="known", unguarded=True)
        after = (await schedule.describe()).schedule.state
        await schedule.delete(store, unguarded=True)
        return before, after

    before, after = run(temporal_address, call)

    assert not before
    assert (after.paused, after.note) == (True, "known")


def test_schedule_when_made_by_the_line_in_the_docs_then_it_is_the_same(temporal_address, temporal_cli):
    page = Path(__file__).parents[2] / "docs" / "how-to" / "run-a-trading-day.md"
    (line,) = re.findall(r"^\$ temporal (schedule create .*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    words = shlex.split(line.replace("\\\n", " "))
    spec = DaySpec(strategy="spreads", account="paper")
    subprocess.run([temporal_cli, *words, "--address", temporal_address], check=True, capture_output=True)

    async def call(client):
        schedule = follow_schedule(client, spec.book_id)
        by_hand = (await schedule.describe()).schedule
        (given,) = await client.data_converter.decode(by_hand.action.args, [DayRequest])
        await schedule.schedule.delete()
        await schedule_daily(client, spec, task_queue="live")
        by_name = (await schedule.describe()).schedule
        await schedule.schedule.delete()
        return by_hand, by_name, given

    by_hand, by_name, given = run(temporal_address, call)

    assert given == DayRequest(spec=spec)
    for name in ("workflow", "id", "task_queue", "execution_timeout"):
        assert getattr(by_hand.action, name) == getattr(by_name.action, name), name
    for one in (by_hand, by_name):
        one.spec.calendars = [dataclasses.replace(calendar, comment=None) for calendar in one.spec.calendars]
    assert by_hand.spec.calendars == by_name.spec.calendars
    assert by_hand.spec.time_zone_name == by_name.spec.time_zone_name
    assert by_hand.policy == by_name.policy
