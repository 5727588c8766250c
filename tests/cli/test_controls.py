"""``optarb halt`` and ``optarb flatten``: the flag in the store, and who is woken for it."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from tests.cli.live import DESK, set_clock, trade, worker, write_desk
from tests.temporal import trading_rig as rig
from tests.temporal.trading_rig import TUESDAY, at

import optarb
from optarb.cli.exit_codes import ExitCode
from optarb.protocols.trading import Lease
from optarb.temporal.trading_starting import follow_guardian, start_guardian


@pytest.fixture
def held(folder, queue):
    """A book that holds a vertical; gives its desk and spec."""
    desk, spec = write_desk(folder, queue)
    assert trade(desk, spec).open_positions == 1
    with desk:
        yield desk, spec


def flags(desk, spec):
    controls = desk.store.trading.controls(spec.book_id)
    return controls.halted, controls.flatten, controls.reason


def test_halt_when_no_server_answers_then_the_flag_stands_until_it_is_lifted(run, held, nowhere):
    desk, spec = held
    done = run("halt", spec.book_id, "--reason", "news", *DESK, "--address", nowhere, "--json")
    told = json.loads(done.stdout)

    assert (done.exit_code, told["halted"], told["flatten"], told["reason"]) == (0, True, False, "news")
    assert (told["guardian"], "no Temporal server" in told["note"]) == ("unknown", True)
    assert flags(desk, spec) == (True, False, "news")

    lifted = run("halt", spec.book_id, "--lift", *DESK, "--address", nowhere)
    assert lifted.stdout == f"{spec.book_id} is free to trade; the flag stands in the store\n"
    assert flags(desk, spec) == (False, False, "")


@pytest.mark.parametrize("command", ["halt", "flatten"])
def test_control_when_book_is_unknown_or_reason_is_missing_then_nothing_is_set(run, held, nowhere, command):
    desk, spec = held
    unknown = run(command, f"{spec.book_id}s", "--reason", "x", *DESK, "--address", nowhere)
    silent = run(command, spec.book_id, *DESK, "--address", nowhere)

    assert unknown.exit_code == ExitCode.NOT_FOUND
    assert f"did you mean '{spec.book_id}'?" in unknown.stderr
    assert silent.exit_code == ExitCode.USAGE
    assert "need a reason" in silent.stderr
    assert flags(desk, spec) == (False, False, "")
    assert desk.store.trading.live_books() == [spec.book_id]


def test_flatten_when_nobody_can_guard_then_the_flag_stands_and_it_says_how(run, held, nowhere, monkeypatch):
    desk, spec = held
    set_clock(monkeypatch, "10:00")
    done = run("flatten", spec.book_id, "--reason", "out", *DESK, "--address", nowhere)

    assert done.exit_code == 0
    assert f"optarb flatten {spec.book_id} --in-process" in done.stderr
    assert flags(desk, spec) == (True, True, "out")
    assert rig.state_of(desk, spec).holdings()


def test_flatten_when_in_process_then_closed_here_and_the_book_given_back(run, held, monkeypatch):
    desk, spec = held
    set_clock(monkeypatch, "10:00")
    done = run("flatten", spec.book_id, "--reason", "out", *DESK, "--in-process", "--json")
    told = json.loads(done.stdout)

    assert (done.exit_code, told["guardian"], told["note"]) == (0, "here", "0 open positions are left")
    assert [row[3] for row in desk.store.trading.rows(spec.book_id, "exits")] == ["flatten"]
    rig.assert_sound(desk, spec)
    assert desk.store.trading.load(spec.book_id).lease is None
    assert not rig.state_of(desk, spec).day.ended  # who guards next goes on with the session

    again = json.loads(run("flatten", spec.book_id, "--reason", "out", *DESK, "--in-process", "--json").stdout)
    assert (again["guardian"], again["note"]) == ("none", "the book holds nothing")


def test_flatten_when_another_owner_guards_then_conflict_and_the_flag_stands(run, held, monkeypatch):
    desk, spec = held
    set_clock(monkeypatch, "10:00")
    now = at("10:00", TUESDAY)
    desk.store.trading.acquire(spec.book_id, Lease(owner="x", session=TUESDAY, until=now + timedelta(hours=1)), now=now)
    done = run("flatten", spec.book_id, "--reason", "out", *DESK, "--in-process")

    assert done.exit_code == ExitCode.CONFLICT
    assert "guarded by another owner" in done.stderr
    assert flags(desk, spec) == (True, True, "out")


def test_flatten_when_a_guardian_runs_then_it_is_woken_and_closes(*, run, held, temporal_address, queue, until):
    desk, spec = held

    async def start():
        client = await optarb.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        begin = at("10:00", TUESDAY)
        await start_guardian(client, spec, TUESDAY, task_queue=queue, replay_from=begin, pace=20)

    async def end():
        client = await optarb.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        await follow_guardian(client, spec.book_id).workflow.terminate()

    with worker(temporal_address, desk, queue):
        asyncio.run(start())
        words = (spec.book_id, *DESK, "--address", temporal_address, "--json")
        halted = json.loads(run("halt", *words, "--reason", "news").stdout)
        flattened = json.loads(run("flatten", *words, "--reason", "out").stdout)
        until(lambda: not rig.state_of(desk, spec).holdings(), 60)
        asyncio.run(end())

    assert (halted["guardian"], flattened["guardian"]) == ("told", "told")
    assert [row[3] for row in desk.store.trading.rows(spec.book_id, "exits")] == ["flatten"]
    rig.assert_sound(desk, spec)
