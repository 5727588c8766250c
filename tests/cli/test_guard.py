"""``optarb guard``."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.cli.live import DESK, set_clock, trade, write_desk
from tests.temporal import trading_rig as rig
from tests.temporal.trading_rig import TUESDAY

import optarb
from optarb.cli import _live_asking
from optarb.cli.exit_codes import ExitCode
from optarb.temporal.trading_messages import MonitorRequest
from optarb.temporal.trading_starting import follow_guardian


@pytest.fixture
def held(folder, queue, monkeypatch):
    """A book that holds a vertical since Monday; it is Tuesday afternoon. Gives its desk and spec."""
    desk, spec = write_desk(folder, queue)
    assert trade(desk, spec).open_positions == 1
    set_clock(monkeypatch, "15:30")
    with desk:
        yield desk, spec


def test_guard_when_in_process_then_guarded_to_the_end_and_nothing_is_entered(run, held):
    desk, spec = held
    done = run("guard", spec.book_id, *DESK, "--in-process", "--json")

    assert json.loads(done.stdout) == {"book_id": spec.book_id, "session": "2024-06-04", "over": True, "open_positions": 1}
    state = rig.state_of(desk, spec)
    assert (state.day.ended, state.day.session, state.day.decided) == (True, 20240604, False)
    assert desk.store.trading.load(spec.book_id).lease is None
    rig.assert_sound(desk, spec)


def test_guard_when_interrupted_then_the_book_is_given_back(run, held, monkeypatch):
    desk, spec = held
    set_clock(monkeypatch, "15:30", interrupts=True)
    done = run("guard", spec.book_id, *DESK, "--in-process")

    assert done.exit_code == ExitCode.INTERRUPTED
    assert f"{spec.book_id} is given back, and nobody guards it" in done.stderr
    assert desk.store.trading.load(spec.book_id).lease is None


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--session", "2024-06-08"), ExitCode.USAGE, "2024-06-08 is no session"),
        (("--session", "2024-06-05", "--in-process"), ExitCode.USAGE, "leave --session out"),
    ],
)
def test_guard_when_the_session_does_not_fit_then_usage(run, held, words, code, told):
    _, spec = held
    done = run("guard", spec.book_id, *DESK, *words)
    assert done.exit_code == code
    assert told in done.stderr


def test_guard_when_the_book_does_not_hold_its_spec_then_conflict(run, held):
    desk, spec = held
    state = rig.state_of(desk, spec)
    state.spec = ""
    store, lease = desk.store.trading, optarb.Lease(owner="old", session=TUESDAY, until=rig.at("15:31", TUESDAY))
    assert store.acquire(spec.book_id, lease, now=rig.at("15:30", TUESDAY))
    version = store.load(spec.book_id).version
    assert store.save(spec.book_id, owner="old", version=version, document=state.dump(), rows={})

    done = run("guard", spec.book_id, *DESK, "--in-process")
    assert done.exit_code == ExitCode.CONFLICT
    assert "does not hold its spec" in done.stderr


def test_guard_when_on_a_server_then_started_where_a_worker_listens_and_else_unavailable(
    run, held, temporal_address, queue, monkeypatch
):
    _, spec = held
    words = ("guard", spec.book_id, *DESK, "--task-queue", queue, "--address", temporal_address)
    alone = run(*words)

    async def somebody(client, task_queue):
        return (task_queue,)

    monkeypatch.setattr(_live_asking, "recent_pollers", somebody)
    begun, twice = run(*words), run(*words)

    async def started():
        client = await optarb.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        guardian = follow_guardian(client, spec.book_id).workflow
        described = await guardian.describe()
        event = (await guardian.fetch_history()).events[0].workflow_execution_started_event_attributes
        await guardian.terminate()
        return described.task_queue, await client.data_converter.decode(event.input.payloads, [MonitorRequest])

    assert asyncio.run(started()) == (queue, [MonitorRequest(spec=spec, session=TUESDAY)])
    assert alone.exit_code == ExitCode.UNAVAILABLE
    assert "optarb worker start" in alone.stderr
    assert begun.stdout == f"{spec.book_id} is guarded on 2024-06-04\n"
    assert twice.exit_code == ExitCode.CONFLICT
