"""Notices and signs of life of days on a server: beside the guarding, each once, whatever a notifier does."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal

import pytest
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner
from tests.temporal import trading_rig as rig
from tests.temporal.trading_rig import at, make_day_spec, make_live_desk
from tests.temporal.workers import working

import optarb
from optarb.errors import TransientError
from optarb.temporal.position_monitor import PositionMonitor
from optarb.temporal.trading_starting import follow_guardian, start_day

CAPITAL = "More capital in books than in the account"
HEARD, TRIED, SIGNS, RELEASED = [], [], [], threading.Event()


@dataclass(frozen=True, kw_only=True)
class Ear:
    """Hears notices; or fails, or hangs until it is released."""

    name: str
    does: str = "hear"

    def notify(self, notice):
        TRIED.append((self.name, notice.title))
        if self.does == "fail":
            raise TransientError("not now")
        if self.does == "hang":
            RELEASED.wait(120)
        HEARD.append((self.name, notice.title))


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """Notes signs of life, and fails."""

    def beat(self, book_id, at):
        SIGNS.append((book_id, at))
        raise RuntimeError("no answer")


@pytest.fixture(autouse=True)
def _nothing_heard():
    for one in (HEARD, TRIED, SIGNS):
        one.clear()
    RELEASED.clear()
    yield
    RELEASED.set()


@pytest.fixture
def queue(tmp_path):
    """A task queue of the test's own, which also names its account."""
    return tmp_path.name.replace("_", "-")[-30:].strip("-")


def rich(queue):
    """A day of a book with more capital than its account, which raises one alarm when it is opened and enters nothing."""
    return make_day_spec(account=queue, capital=Decimal(10_000_000))


async def calls(client, spec):
    """How often the guardian called each activity."""
    history = await client.get_workflow_handle(f"optarb-guardian/{spec.book_id}").fetch_history()
    found = [one for one in history.events if one.HasField("activity_task_scheduled_event_attributes")]
    return Counter(one.activity_task_scheduled_event_attributes.activity_type.name for one in found)


def test_day_when_one_notifier_fails_then_the_other_hears_once_and_the_rest_stays(
    monkeypatch, temporal_address, tmp_path, queue
):
    monkeypatch.setattr(PositionMonitor, "delivery_pause", timedelta(milliseconds=10))
    ears = {"sound": Ear(name="sound"), "broken": Ear(name="broken", does="fail")}
    desk, spec = dataclasses.replace(make_live_desk(tmp_path), notifiers=ears), rich(queue)

    async def run():
        async with working(temporal_address, desk, queue, workflow_runner=UnsandboxedWorkflowRunner()) as client:
            day = await start_day(client, spec, task_queue=queue, replay_from=at("15:30"))
            return await day.result(), await calls(client, spec)

    report, called = asyncio.run(run())

    assert (report.outcome, report.over) == ("missed", True)
    assert HEARD == [("sound", CAPITAL)]
    assert [notice.title for notice in desk.store.trading.outbox()] == [CAPITAL]
    # A notice that failed is left alone for a minute of real time, so the tries of this short day find nothing to do.
    assert TRIED.count(("broken", CAPITAL)) == 1
    assert 4 < called["optarb.trading.deliver"] <= called["optarb.trading.guard"] + 4


def test_day_when_a_notifier_hangs_then_guarded_to_the_end_and_one_call_at_a_time(temporal_address, tmp_path, queue):
    ears = {"slow": Ear(name="slow", does="hang")}
    desk, spec = dataclasses.replace(make_live_desk(tmp_path), notifiers=ears), rich(queue)

    async def run():
        async with working(temporal_address, desk, queue) as client:
            day = await start_day(client, spec, task_queue=queue, replay_from=at("15:30"))
            guardian = follow_guardian(client, spec.book_id)

            async def over():
                with suppress(RPCError):
                    return (await guardian.status()).over
                return False

            while not await over():  # noqa: ASYNC110 - the workflow tells nobody
                await asyncio.sleep(0.05)
            heard, called = list(HEARD), await calls(client, spec)
            RELEASED.set()
            return heard, called, await day.result()

    heard, called, report = asyncio.run(run())

    assert heard == []
    assert called["optarb.trading.deliver"] == 1
    assert called["optarb.trading.guard"] > 5
    assert HEARD == [("slow", CAPITAL)]
    assert (report.over, desk.store.trading.outbox()) == (True, [])


def test_day_when_real_time_then_signs_of_life_whose_failure_stops_nothing(temporal_address, tmp_path, queue):
    today = datetime.now(rig.NEW_YORK).date()
    desk = dataclasses.replace(rig.make_real_time_desk(tmp_path, today), heartbeat=Pulse())
    spec = make_day_spec(account=queue, entry_at=time(0), late_minutes=1440)

    async def run():
        async with working(temporal_address, desk, queue) as client:
            await start_day(client, spec, task_queue=queue)
            guardian = follow_guardian(client, spec.book_id)
            while not (SIGNS and desk.broker.accepted()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            called = await calls(client, spec)
            await guardian.workflow.cancel()
            with pytest.raises(optarb.Cancelled):
                await guardian.result()
            return called

    called = asyncio.run(run())

    # Cycles come every 2 s while the order is live, and signs of life once a minute.
    assert called["optarb.trading.deliver"] == 1
    assert SIGNS[0][0] == spec.book_id
    assert abs(SIGNS[0][1] - datetime.now(rig.NEW_YORK)) < timedelta(minutes=5)
    assert len(SIGNS) == 1
