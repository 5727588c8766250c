"""Replayed days on a server: the same as in process, guarded whatever becomes of the day, and steered by people."""

from __future__ import annotations

import asyncio

import pytest
from tests.temporal import trading_rig as rig
from tests.temporal.trading_rig import MONDAY, PAIR, VERTICAL, at, make_day_spec, make_live_desk
from tests.temporal.workers import working

from optarb.temporal.trading_starting import start_day
from optarb.trading.clocks import SimulatedClock
from optarb.trading.running import run_day


def in_process(folder, legs, **options):
    """The same day in this process; returns its result and rows."""
    folder.mkdir()
    with make_live_desk(folder, legs, **options) as desk:
        result = run_day(
            make_day_spec(),
            desk,
            broker=desk.broker,
            store=desk.store.trading,
            feed=desk.feed,
            clock=SimulatedClock(at("09:30")),
        )
        return result, rig.rows_of(desk, make_day_spec())


@pytest.mark.parametrize("legs", [VERTICAL, PAIR], ids=["vertical", "pair"])
def test_day_when_replayed_on_a_server_then_rows_are_those_of_the_day_in_process(temporal_address, tmp_path, legs):
    expected, rows = in_process(tmp_path / "alone", legs)
    desk, spec = make_live_desk(tmp_path, legs), make_day_spec()

    async def run():
        async with working(temporal_address, desk, tmp_path.name) as client:
            day = await start_day(client, spec, task_queue=tmp_path.name, replay_from=at("09:30"))
            return await day.result()

    report = asyncio.run(run())

    assert (report.session, report.outcome, report.over) == (MONDAY, "traded", True)
    assert (report.outcome, report.open_positions) == (expected.outcome, expected.open_positions)
    assert rig.rows_of(desk, spec) == rows
    assert len(rows["fills"]) >= 2
    rig.assert_sound(desk, spec)
