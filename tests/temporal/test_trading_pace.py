"""Replays that take their time: as fast as they are told, and wakable meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from pydantic import ValidationError
from temporalio.service import RPCError
from tests.temporal import trading_rig as rig
from tests.temporal.trading_rig import MONDAY, at, make_day_spec, make_live_desk
from tests.temporal.workers import working

import optarb
from optarb.temporal.trading_messages import DayRequest, MonitorRequest
from optarb.temporal.trading_starting import follow_guardian, start_day, start_guardian
from optarb.trading.rules import LiveRules


@pytest.fixture
def queue(tmp_path):
    """A task queue of the test's own, which also names its account."""
    return tmp_path.name.replace("_", "-")[-30:].strip("-")


def test_replay_when_paced_then_it_lasts_its_share_of_real_time_at_least(temporal_address, tmp_path, queue):
    desk, spec = make_live_desk(tmp_path), make_day_spec(account=queue)

    async def run():
        async with working(temporal_address, desk, queue) as client:
            guardian = await start_guardian(client, spec, MONDAY, task_queue=queue, replay_from=at("15:50"), pace=450)
            return await guardian.result(), await guardian.workflow.describe()

    report, described = asyncio.run(run())

    assert (report.outcome, report.over) == ("missed", True)
    # With nothing held it ends 5 minutes after the close: 900 s of the market. Without a pace they take a moment.
    assert described.close_time - described.start_time >= timedelta(seconds=1.9)


def test_replay_when_paced_and_woken_then_it_looks_again_before_the_time_has_passed(temporal_address, tmp_path, queue):
    desk, rules = make_live_desk(tmp_path), LiveRules(fast_seconds=0.05, rung_seconds=0.2)
    spec = make_day_spec(account=queue, rules=rules)

    async def run():
        async with working(temporal_address, desk, queue) as client:
            await start_day(client, spec, task_queue=queue, replay_from=at("09:35"), pace=20)
            guardian = follow_guardian(client, spec.book_id)

            async def resting():
                with suppress(RPCError):
                    status = await guardian.status()
                    return status.open_positions and not status.live_orders and status
                return False

            while not (status := await resting()):  # noqa: ASYNC110 - the workflow tells nobody
                await asyncio.sleep(0.02)
            await guardian.flatten("out")
            while rig.state_of(desk, spec).holdings():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            await guardian.workflow.cancel()
            with pytest.raises(optarb.Cancelled):
                await guardian.result()
            return status

    status = asyncio.run(run())

    (turned,) = [one for one in desk.store.trading.journal(spec.book_id, MONDAY) if one.kind == "position_turned"]
    assert status.next_at - status.now > timedelta(minutes=4)
    assert timedelta(0) < turned.at - status.now < timedelta(minutes=1)
    rig.assert_sound(desk, spec)


@pytest.mark.parametrize("pace", [2, -1, float("nan"), float("inf")])
def test_pace_when_in_real_time_or_no_pace_then_refused(pace):
    spec, replay = make_day_spec(), {} if pace == 2 else {"replay_from": at("09:30")}
    calls = [
        start_day(None, spec, task_queue="none", pace=pace, **replay),
        start_guardian(None, spec, MONDAY, task_queue="none", pace=pace, **replay),
    ]

    for call in calls:
        with pytest.raises(optarb.ConfigurationError, match="replay" if pace == 2 else "greater|finite"):
            asyncio.run(call)
    begins = replay.get("replay_from")
    for make in (
        lambda: DayRequest(spec=spec, replay_from=begins, pace=pace),
        lambda: MonitorRequest(spec=spec, session=MONDAY, at=begins, pace=pace),
    ):
        with pytest.raises(ValidationError):
            make()
